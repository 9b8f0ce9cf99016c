// Depthwise convolution, row by row of outputs of a block of channels, which read the image itself:
// taps outside of it are left out. Memory bounds it: there is one product a tap and output.
#include <array>

#include "backends/cpu/conv_blocks.h"
#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

constexpr std::int64_t kMostRows = 32;  // of a filter

class DepthwiseStep final : public Step {
 public:
  DepthwiseStep(const Kernels& kernels, const Region& region, const PrepareContext& context)
      : kernels_(kernels),
        g_(geometry_of(region, region.nodes[0])),
        image_stride_(BlockedTensor(region.in(0).desc).image_stride) {
    const std::vector<OutputBlock> blocks = output_blocks(region);
    const std::vector<int> sizes(blocks.size(), 1);
    panels_ = pack_panels(
        region, blocks, sizes, g_.taps() * kChannelBlock,
        [&](std::span<const OutputBlock> of_panel, float* weight) {
          pack_filters(of_panel, 1, g_.taps(), taps_of(region), weight);
        },
        context.weights);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
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

 private:
  void run_row(const Bindings& bindings, std::int64_t image, std::int64_t block,
               std::int64_t p) const noexcept {
    const Panel& panel = panels_[static_cast<std::size_t>(block)];
    const float* plane = static_cast<const float*>(bindings.inputs[0]) + image * image_stride_ +
                         block * g_.in_plane() * kChannelBlock;
    std::array<const float*, kMostRows> rows = {};
    for (std::int64_t r = 0; r < g_.kernel_h; ++r) {
      const std::int64_t y = p * g_.stride_h + r * g_.dilation_h - g_.pad_h;
      if (y >= 0 && y < g_.height)
        rows[static_cast<std::size_t>(r)] = plane + y * g_.width * kChannelBlock;
    }
    const OutputBlock& out = panel.blocks[0];
    kernels_.depthwise({.row = rows.data(),
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
                        .dst = address_of(out, bindings, image, p * g_.out_width),
                        .pixels = static_cast<long>(g_.out_width)});
    finish(kernels_, out, bindings, image, p * g_.out_width, g_.out_width);
  }

  const Kernels& kernels_;
  ConvGeometry g_;
  std::int64_t image_stride_;
  std::vector<Panel> panels_;
};

class ConvDepthwise final : public BlockedTactic {
 public:
  explicit ConvDepthwise(const Kernels& kernels) : BlockedTactic("cpu.conv.depthwise", kernels) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() != 1) return "runs one convolution at a time";
    if (auto reason = refuse_convs(region)) return reason;
    const ConvGeometry g = geometry_of(region, region.nodes[0]);
    if (g.group != g.channels || g.outputs != g.channels) return "not depthwise";
    if (g.kernel_h > kMostRows) return fmt::format("more than {} rows of taps", kMostRows);
    return std::nullopt;
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<DepthwiseStep>(kernels(), region, context);
  }
};

}  // namespace

std::unique_ptr<const Tactic> make_conv_depthwise(const Kernels& kernels) {
  return std::make_unique<ConvDepthwise>(kernels);
}

}  // namespace kissa::cpu
