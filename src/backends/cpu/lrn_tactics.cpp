// LRN across channels of blocked tensors, alone or as one step with the max pooling next to it.
#include <array>

#include "backends/cpu/data_tactics.h"
#include "backends/cpu/parallel.h"

namespace kissa::cpu {
namespace {

LrnParams params_of(const Lrn& op) {
  return {.size = static_cast<int>(op.size),
          .scale = op.alpha / static_cast<float>(op.size),
          .beta = op.beta,
          .k = op.k};
}

std::optional<std::string> refuse_lrn(const Lrn& op, const Shape& in) {
  if (op.region != LrnRegion::kAcrossChannels) return "normalises within channels";
  if (op.size > kMaxLrnSize) return fmt::format("size {} is over {}", op.size, kMaxLrnSize);
  // Else padding lanes, which hold zeros, might get 0 * infinity.
  if (!(op.k > 0.0f && op.alpha >= 0.0f)) return "k is not positive, or alpha is negative";
  if (in[1] > kMaxLrnBlocks * kChannelBlock)
    return fmt::format("more than {} channels", kMaxLrnBlocks * kChannelBlock);
  return std::nullopt;
}

// The two ops of a chain of which only the end flows out.
template <class First, class Second>
struct Chain {
  const First* first = nullptr;
  const Second* second = nullptr;
  explicit operator bool() const { return first != nullptr && second != nullptr; }
};

template <class First, class Second>
Chain<First, Second> chain_of(const Region& region) {
  if (region.nodes.size() != 2 || region.outputs != region.nodes[1].outputs ||
      region.nodes[1].inputs != region.nodes[0].outputs)
    return {};
  return {std::get_if<First>(&region.nodes[0].op), std::get_if<Second>(&region.nodes[1].op)};
}

std::optional<std::string> refuse_fusion(const Region& region, const Lrn& lrn,
                                         const Pooling& pool) {
  if (pool.method != PoolMethod::kMax || pool.with_mask)
    return "its pooling is not a plain maximum";
  if (auto reason = refuse_lrn(lrn, region.in(0).desc.shape)) return reason;
  if (!has_fast_lrn(params_of(lrn))) return "its LRN is not of size 3 or 5 with beta 0.75";
  return refuse_plain(region, Layout::kBlocked16);
}

const TensorDesc& end_of(const Region& region) { return region.value(region.outputs[0]).desc; }

class LrnStep final : public Step {
 public:
  LrnStep(const LrnKernels& kernels, const Region& region)
      : run_(kernels.lrn),
        params_(params_of(*region.only<Lrn>())),
        src_(region.in(0).desc),
        dst_(end_of(region)) {}

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    auto* dst = static_cast<float*>(bindings.outputs[0]);
    const std::int64_t pixel_bytes = src_.blocks * kChannelBlock * 4 * 2;
    parallel_for(stream, src_.images * src_.pixels(), pixel_bytes,
                 [&](std::int64_t begin, std::int64_t end) {
                   for_each_group(
                       begin, end, src_.pixels(),
                       [&](std::int64_t image, std::int64_t first, std::int64_t last) {
                         run_({.params = params_,
                               .blocks = src_.blocks,
                               .src = src + src_.offset(image, 0) + first * kChannelBlock,
                               .src_block = src_.block_floats(),
                               .dst = dst + dst_.offset(image, 0) + first * kChannelBlock,
                               .dst_block = dst_.block_floats(),
                               .pixels = last - first});
                       });
                 });
  }

 private:
  void (*run_)(const LrnTile&) noexcept;
  LrnParams params_;
  BlockedTensor src_, dst_;
};

// Both orders of LRN and pooling: rows of the output.
class FusedStep : public Step {
 public:
  FusedStep(const Lrn& lrn, const Pooling& pool, const Region& region)
      : src_(region.in(0).desc), dst_(end_of(region)) {
    tile_.params = params_of(lrn);
    tile_.blocks = src_.blocks;
    tile_.src_block = src_.block_floats();
    tile_.dst_block = dst_.block_floats();
    tile_.pool = pool_tile(pool, region.in(0).desc.shape);
    tile_.pool.dst_row = dst_.width * kChannelBlock;
    tile_.pool.channels = static_cast<int>(src_.block_channels);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept final {
    const std::int64_t image_bytes = src_.blocks * (src_.block_floats() + dst_.block_floats()) * 4;
    const auto body = [&](std::int64_t begin, std::int64_t end) {
      for_each_group(begin, end, dst_.height,
                     [&](std::int64_t image, std::int64_t first, std::int64_t last) {
                       run_rows(bindings, image, first, last);
                     });
    };
    // Few tasks: each normalises a row that its neighbour normalises too.
    parallel_for(stream, dst_.images * dst_.height, image_bytes / dst_.height, body, 2);
  }

 protected:
  virtual void run_tile(LrnPoolTile& tile) const noexcept = 0;

 private:
  void run_rows(const Bindings& bindings, std::int64_t image, std::int64_t first,
                std::int64_t last) const noexcept {
    LrnPoolTile tile = tile_;
    tile.pool.src = static_cast<const float*>(bindings.inputs[0]) + src_.offset(image, 0);
    tile.pool.dst = static_cast<float*>(bindings.outputs[0]) + dst_.offset(image, 0) +
                    first * tile.pool.dst_row;
    tile.pool.row_begin = first;
    tile.pool.row_end = last;
    tile.pool.column_end = dst_.width;
    run_tile(tile);
  }

  BlockedTensor src_, dst_;
  LrnPoolTile tile_ = {};
};

class PoolLrnStep final : public FusedStep {
 public:
  PoolLrnStep(const LrnKernels& kernels, const Region& region)
      : FusedStep(std::get<Lrn>(region.nodes[1].op), std::get<Pooling>(region.nodes[0].op), region),
        run_(kernels.pool_lrn) {}

 private:
  void run_tile(LrnPoolTile& tile) const noexcept override {
    const PoolTile all = tile.pool;
    const std::int64_t columns = kPoolLrnFloats / (tile.blocks * kChannelBlock);
    for (std::int64_t p = all.row_begin; p < all.row_end; ++p) {
      for (std::int64_t q = 0; q < all.column_end; q += columns) {
        tile.pool.row_begin = p;
        tile.pool.row_end = p + 1;
        tile.pool.column_begin = q;
        tile.pool.column_end = std::min(q + columns, all.column_end);
        tile.pool.dst = all.dst + (p - all.row_begin) * all.dst_row + q * kChannelBlock;
        run_(tile);
      }
    }
  }

  void (*run_)(const LrnPoolTile&) noexcept;
};

class LrnPoolStep final : public FusedStep {
 public:
  LrnPoolStep(const LrnKernels& kernels, const Region& region)
      : FusedStep(std::get<Lrn>(region.nodes[0].op), std::get<Pooling>(region.nodes[1].op), region),
        run_(kernels.lrn_pool) {}

 private:
  void run_tile(LrnPoolTile& tile) const noexcept override { run_(tile); }

  void (*run_)(const LrnPoolTile&) noexcept;
};

class LrnTactic final : public BlockedTactic {
 public:
  LrnTactic(const Kernels& kernels, DataType type) : BlockedTactic("cpu.lrn", kernels, type) {}

  std::optional<std::string> refuse(const Region& region) const override {
    const auto* op = region.only<Lrn>();
    if (op == nullptr) return "not a single LRN";
    if (auto reason = refuse_lrn(*op, region.in(0).desc.shape)) return reason;
    return refuse_plain(region, Layout::kBlocked16);
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<LrnStep>(stored().lrn, region);
  }
};

class PoolLrn final : public BlockedTactic {
 public:
  PoolLrn(const Kernels& kernels, DataType type) : BlockedTactic("cpu.pool_lrn", kernels, type) {}

  std::optional<std::string> refuse(const Region& region) const override {
    const auto chain = chain_of<Pooling, Lrn>(region);
    if (!chain) return "not a pooling and the LRN of its result";
    if (auto reason = refuse_fusion(region, *chain.second, *chain.first)) return reason;
    const Shape& in = region.in(0).desc.shape;
    if (chain.first->stride[0] > chain.first->kernel_on(in)[0] ||
        chain.first->stride[1] > chain.first->kernel_on(in)[1])
      return "its pooling may have empty windows";
    return std::nullopt;
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<PoolLrnStep>(stored().lrn, region);
  }
};

class LrnPool final : public BlockedTactic {
 public:
  LrnPool(const Kernels& kernels, DataType type) : BlockedTactic("cpu.lrn_pool", kernels, type) {}

  std::optional<std::string> refuse(const Region& region) const override {
    const auto chain = chain_of<Lrn, Pooling>(region);
    if (!chain) return "not an LRN and the pooling of its result";
    const Shape& in = region.in(0).desc.shape;
    const std::array<std::int64_t, 2> two = {2, 2};
    const std::array<std::int64_t, 2> three = {3, 3};
    if (in.rank() != 4 || chain.second->kernel_on(in) != three || chain.second->stride != two ||
        chain.second->pad[0] + chain.second->pad[1] != 0)
      return "its pooling is not 3x3 of stride 2 without pad";
    return refuse_fusion(region, *chain.first, *chain.second);
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<LrnPoolStep>(stored().lrn, region);
  }
};

}  // namespace

void add_lrn_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics) {
  tactics.push_back(std::make_unique<LrnTactic>(kernels, type));
  tactics.push_back(std::make_unique<PoolLrn>(kernels, type));
  tactics.push_back(std::make_unique<LrnPool>(kernels, type));
}

}  // namespace kissa::cpu
