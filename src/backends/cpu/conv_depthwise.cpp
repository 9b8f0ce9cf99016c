// Depthwise convolution, row by row of outputs of a block of channels, which read the image itself:
// taps outside of it are left out. Memory bounds it: there is one product a tap and output.
// In 16 bits the rows of the image that a few rows of outputs need are widened first.
#include <algorithm>
#include <array>
#include <limits>

#include "backends/cpu/conv_blocks.h"
#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

constexpr std::int64_t kMostRows = 32;  // of a filter
// Of widened rows of the image, where so many hold more than the rows that one row of outputs
// needs.
constexpr std::int64_t kWideBytes = 64 << 10;

// Rows [begin, end) of the image.
struct Rows {
  std::int64_t begin, end;
};

// Those that outputs [first, last) need.
Rows rows_for(const ConvGeometry& g, std::int64_t first, std::int64_t last) {
  const std::int64_t reach = (g.kernel_h - 1) * g.dilation_h;
  const auto inside = [&](std::int64_t y) { return std::clamp<std::int64_t>(y, 0, g.height); };
  return {inside(first * g.stride_h - g.pad_h),
          inside((last - 1) * g.stride_h - g.pad_h + reach + 1)};
}

class DepthwiseStep final : public Step {
 public:
  DepthwiseStep(const Kernels& kernels, const ConvStorage& storage, const Region& region,
                const PrepareContext& context)
      : kernels_(kernels),
        storage_(storage),
        g_(geometry_of(region, region.nodes[0])),
        image_stride_(BlockedTensor(region.in(0).desc).image_stride) {
    const std::vector<OutputBlock> blocks = output_blocks(region);
    const std::vector<int> sizes(blocks.size(), 1);
    panels_ = pack_panels(
        region, storage, blocks, sizes, g_.taps() * kChannelBlock,
        [&](std::span<const OutputBlock> of_panel, float* weight) {
          pack_filters(of_panel, 1, g_.taps(), taps_of(region), weight);
        },
        context.weights);
    if (storage_.halves != nullptr) cut_into_chunks(context.threads);
  }

  std::int64_t workspace_bytes() const override {
    return threads_ * worker_floats_ * size_of(DataType::kF32);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    if (storage_.halves != nullptr)
      run_halves(bindings, stream);
    else
      run_blocks(bindings, stream);
  }

 private:
  void run_blocks(const Bindings& bindings, Stream& stream) const noexcept {
    const auto blocks = std::ssize(panels_);
    const std::int64_t row_bytes = (g_.width * g_.height / g_.out_height + g_.out_width) *
                                   kChannelBlock * size_of(DataType::kF32);
    parallel_for(stream, g_.images * blocks * g_.out_height, row_bytes,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i)
                     run_row(bindings, i / g_.out_height / blocks, i / g_.out_height % blocks,
                             i % g_.out_height);
                 });
  }

  // Rows of outputs, so many that their rows of the image fit.
  void cut_into_chunks(int threads) {
    const std::int64_t row_bytes = g_.width * kChannelBlock * size_of(DataType::kF32);
    const std::int64_t most = std::max<std::int64_t>(kWideBytes / row_bytes, 1);
    const std::int64_t own = (g_.kernel_h - 1) * g_.dilation_h + 1;
    chunk_rows_ = std::clamp<std::int64_t>((most - own) / g_.stride_h + 1, 1, g_.out_height);
    chunks_ = divide_up(g_.out_height, chunk_rows_);
    for (std::int64_t i = 0; i < chunks_; ++i) {
      const Rows rows =
          rows_for(g_, i * chunk_rows_, std::min((i + 1) * chunk_rows_, g_.out_height));
      wide_floats_ = std::max(wide_floats_, (rows.end - rows.begin) * g_.width * kChannelBlock);
    }
    threads_ = threads;
    worker_floats_ = wide_floats_ + g_.out_width * kChannelBlock;
  }

  void run_halves(const Bindings& bindings, Stream& stream) const noexcept {
    const auto blocks = std::ssize(panels_);
    const auto tasks = static_cast<int>(g_.images * blocks * chunks_);
    pool_of(stream).run(tasks, [&](int task, int worker) {
      float* wide = static_cast<float*>(bindings.workspace) + worker * worker_floats_;
      run_chunk(bindings, task / chunks_ / blocks, task / chunks_ % blocks, task % chunks_, wide);
    });
  }

  void run_chunk(const Bindings& bindings, std::int64_t image, std::int64_t block,
                 std::int64_t chunk, float* wide) const noexcept {
    const Panel& panel = panels_[static_cast<std::size_t>(block)];
    const std::int64_t first = chunk * chunk_rows_;
    const std::int64_t last = std::min(first + chunk_rows_, g_.out_height);
    const Rows rows = rows_for(g_, first, last);
    const std::int64_t row_floats = g_.width * kChannelBlock;
    const float* half = static_cast<const float*>(bindings.inputs[0]) + image * image_stride_ +
                        block / 2 * g_.height * row_floats + block % 2 * (kChannelBlock / 2);
    storage_.halves->widen(
        half + rows.begin * row_floats, wide,
        one_row(static_cast<long>(std::max<std::int64_t>(rows.end - rows.begin, 0) * g_.width)));
    float* sums = wide + wide_floats_;
    for (std::int64_t p = first; p < last; ++p) {
      DepthwiseRow row = row_of(panel, sums);
      row.low = -std::numeric_limits<float>::infinity();
      row.high = std::numeric_limits<float>::infinity();
      run_row(row, wide - rows.begin * row_floats, p);
      storage_.halves->store(half_block(panel.blocks[0], bindings, image, p * g_.out_width), sums,
                             one_row(static_cast<long>(g_.out_width)));
    }
  }

  void run_row(const Bindings& bindings, std::int64_t image, std::int64_t block,
               std::int64_t p) const noexcept {
    const Panel& panel = panels_[static_cast<std::size_t>(block)];
    const OutputBlock& out = panel.blocks[0];
    run_row(row_of(panel, address_of(out, bindings, image, p * g_.out_width)),
            static_cast<const float*>(bindings.inputs[0]) + image * image_stride_ +
                block * g_.in_plane() * kChannelBlock,
            p);
    finish(kernels_, out, bindings, image, p * g_.out_width, g_.out_width);
  }

  DepthwiseRow row_of(const Panel& panel, float* dst) const noexcept {
    return {.row = nullptr,
            .rows = static_cast<int>(g_.kernel_h),
            .columns = static_cast<int>(g_.kernel_w),
            .width = static_cast<long>(g_.width),
            .stride = static_cast<long>(g_.stride_w),
            .pad = static_cast<long>(g_.pad_w),
            .dilation = static_cast<long>(g_.dilation_w),
            .weight = panel.weight,
            .bias = panel.bias,
            .low = panel.low[0],
            .high = panel.high[0],
            .dst = dst,
            .pixels = static_cast<long>(g_.out_width)};
  }

  // Row p of outputs from the image's plane.
  void run_row(DepthwiseRow row, const float* plane, std::int64_t p) const noexcept {
    std::array<const float*, kMostRows> rows = {};
    for (std::int64_t r = 0; r < g_.kernel_h; ++r) {
      const std::int64_t y = p * g_.stride_h + r * g_.dilation_h - g_.pad_h;
      if (y >= 0 && y < g_.height)
        rows[static_cast<std::size_t>(r)] = plane + y * g_.width * kChannelBlock;
    }
    row.row = rows.data();
    kernels_.depthwise(row);
  }

  const Kernels& kernels_;
  ConvStorage storage_;
  ConvGeometry g_;
  std::int64_t image_stride_;
  std::vector<Panel> panels_;
  // In 16 bits.
  std::int64_t chunk_rows_ = 0, chunks_ = 0;
  std::int64_t wide_floats_ = 0, worker_floats_ = 0;
  int threads_ = 1;
};

class ConvDepthwise final : public BlockedTactic {
 public:
  ConvDepthwise(const Kernels& kernels, const ConvStorage& storage)
      : BlockedTactic("cpu.conv.depthwise", kernels, storage.type, storage.isa), storage_(storage) {
    storage_.weights = DataType::kF32;  // they are few
  }

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() != 1) return "runs one convolution at a time";
    if (auto reason = refuse_convs(region)) return reason;
    const ConvGeometry g = geometry_of(region, region.nodes[0]);
    if (g.group != g.channels || g.outputs != g.channels) return "not depthwise";
    if (g.kernel_h > kMostRows) return fmt::format("more than {} rows of taps", kMostRows);
    if (storage_.halves != nullptr &&
        g.images * channel_blocks(g.channels) > ThreadPool::kMaxTasks / g.out_height)
      return "too many images or rows";
    return std::nullopt;
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<DepthwiseStep>(kernels(), storage_, region, context);
  }

 private:
  ConvStorage storage_;
};

}  // namespace

std::unique_ptr<const Tactic> make_conv_depthwise(const Kernels& kernels,
                                                  const ConvStorage& storage) {
  return std::make_unique<ConvDepthwise>(kernels, storage);
}

}  // namespace kissa::cpu
