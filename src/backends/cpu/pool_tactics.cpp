// Max and average pooling of blocked tensors, by windows or as one window over the whole plane.
#include "backends/cpu/data_tactics.h"
#include "backends/cpu/parallel.h"

namespace kissa::cpu {
namespace {

// Whether there is one window, over all of the image and nothing else.
bool is_one_window(const Pooling& op, const Shape& in, const Shape& out) {
  const auto kernel = op.kernel_on(in);
  return out[2] * out[3] == 1 && op.pad[0] + op.pad[1] == 0 && kernel[0] >= in[2] &&
         kernel[1] >= in[3];
}

std::optional<std::string> refuse_pool(const Region& region) {
  const auto* op = region.only<Pooling>();
  if (op == nullptr) return "not a single pooling";
  if (op->method == PoolMethod::kStochastic) return "stochastic pooling";
  if (op->with_mask) return "it has a mask output";
  return refuse_plain(region, Layout::kBlocked16);
}

class PoolStep final : public Step {
 public:
  PoolStep(const PoolKernels& kernels, const Region& region)
      : run_(region.only<Pooling>()->method == PoolMethod::kMax ? kernels.max : kernels.average),
        src_(region.in(0).desc),
        dst_(region.out(0).desc),
        tile_(pool_tile(*region.only<Pooling>(), region.in(0).desc.shape)) {}

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    auto* dst = static_cast<float*>(bindings.outputs[0]);
    const std::int64_t rows = dst_.images * dst_.blocks * dst_.height;
    const std::int64_t row_bytes = (src_.block_floats() + dst_.block_floats()) * 4 / dst_.height;
    parallel_for(stream, rows, row_bytes, [&](std::int64_t begin, std::int64_t end) {
      for_each_group(begin, end, dst_.height,
                     [&](std::int64_t plane, std::int64_t first, std::int64_t last) {
                       run_rows(src, dst, plane, first, last);
                     });
    });
  }

 private:
  void run_rows(const float* src, float* dst, std::int64_t plane, std::int64_t first,
                std::int64_t last) const noexcept {
    const std::int64_t image = plane / dst_.blocks;
    const std::int64_t block = plane % dst_.blocks;
    PoolTile tile = tile_;
    tile.src = src + src_.offset(image, block);
    tile.dst_row = dst_.width * kChannelBlock;
    tile.dst = dst + dst_.offset(image, block) + first * tile.dst_row;
    tile.row_begin = first;
    tile.row_end = last;
    tile.column_end = dst_.width;
    tile.channels = dst_.channels_in(block);
    run_(tile);
  }

  void (*run_)(const PoolTile&) noexcept;
  BlockedTensor src_, dst_;
  PoolTile tile_;
};

// One window: the output is C numbers an image, in blocks or row-major.
class GlobalPoolStep final : public Step {
 public:
  GlobalPoolStep(const PoolKernels& kernels, const Region& region) : src_(region.in(0).desc) {
    const bool is_max = region.only<Pooling>()->method == PoolMethod::kMax;
    run_ = is_max ? kernels.global_max : kernels.global_average;
    to_row_ = is_max ? kernels.global_max_to_row : kernels.global_average_to_row;
    const TensorDesc& out = region.out(0).desc;
    is_blocked_ = is_blocked(out.format.layout);
    dst_stride_ = is_blocked_ ? BlockedTensor(out).image_stride : out.shape[1];
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    auto* dst = static_cast<float*>(bindings.outputs[0]);
    parallel_for(stream, src_.images * src_.blocks, src_.block_floats() * 4,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) {
                     const std::int64_t image = i / src_.blocks;
                     const std::int64_t block = i % src_.blocks;
                     run_block(src + src_.offset(image, block), dst + image * dst_stride_, block);
                   }
                 });
  }

 private:
  void run_block(const float* src, float* dst, std::int64_t block) const noexcept {
    if (is_blocked_)  // the zeros behind its channels come along
      run_(src, src_.pixels(), dst + block * kChannelBlock);
    else
      to_row_(src, src_.pixels(), dst + block * src_.block_channels, src_.channels_in(block));
  }

  void (*run_)(const float*, std::int64_t, float*) noexcept;
  void (*to_row_)(const float*, std::int64_t, float*, int) noexcept;
  BlockedTensor src_;
  std::int64_t dst_stride_;
  bool is_blocked_;
};

class Pool final : public BlockedTactic {
 public:
  Pool(const Kernels& kernels, DataType type, PoolMethod method)
      : BlockedTactic(method == PoolMethod::kMax ? "cpu.pool.max" : "cpu.pool.average", kernels,
                      type),
        method_(method) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (auto reason = refuse_pool(region)) return reason;
    if (region.only<Pooling>()->method != method_) return "pools by another method";
    return std::nullopt;
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    if (is_one_window(*region.only<Pooling>(), region.in(0).desc.shape, region.out(0).desc.shape))
      return std::make_unique<GlobalPoolStep>(stored().pool, region);
    return std::make_unique<PoolStep>(stored().pool, region);
  }

 private:
  PoolMethod method_;
};

class GlobalPoolToRows final : public KernelTactic {
 public:
  GlobalPoolToRows(const Kernels& kernels, DataType type)
      : KernelTactic("cpu.pool.global_to_rows", kernels, type) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (auto reason = refuse_pool(region)) return reason;
    if (!is_one_window(*region.only<Pooling>(), region.in(0).desc.shape, region.out(0).desc.shape))
      return "not one window over the whole image";
    return std::nullopt;
  }

  Requirements requirements(const Region&) const override {
    return {{blocked_format(type())}, {Format{}}};
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<GlobalPoolStep>(stored().pool, region);
  }
};

}  // namespace

PoolTile pool_tile(const Pooling& op, const Shape& in) {
  const auto kernel = op.kernel_on(in);
  PoolTile tile = {};
  tile.rows = {.extent = in[2], .kernel = kernel[0], .stride = op.stride[0], .pad = op.pad[0]};
  tile.columns = {.extent = in[3], .kernel = kernel[1], .stride = op.stride[1], .pad = op.pad[1]};
  return tile;
}

void add_pool_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics) {
  tactics.push_back(std::make_unique<Pool>(kernels, type, PoolMethod::kMax));
  tactics.push_back(std::make_unique<Pool>(kernels, type, PoolMethod::kAverage));
  tactics.push_back(std::make_unique<GlobalPoolToRows>(kernels, type));
}

}  // namespace kissa::cpu
