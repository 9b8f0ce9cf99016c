// A first layer of stride 2 and 7 or 8 taps, from a row-major image of up to 4 channels, by
// Winograd's method: the image's 4 phases (even and odd rows and columns) become channels, so that
// the filter has 4 x 4 taps, stride 1 and 4 times the channels, which F(5 x 5, 4 x 4) computes with
// 64 products for 25 outputs instead of 49 an output.
//
// A task is a row of tiles: 8 rows of pixels of all phases, blocked,       (8, columns, 16)
// their points V, and panel by panel of outputs the products M and the outputs, as in
// conv_winograd.cpp.
#include <algorithm>

#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/conv_winograd.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

constexpr std::int64_t kPhases = 4;
constexpr std::int64_t kTile = kWinogradSizes[kF5x4].outputs;
constexpr std::int64_t kTaps = kWinogradSizes[kF5x4].taps;
constexpr std::int64_t kSide = kWinogradSizes[kF5x4].points;
constexpr std::int64_t kPoints = kSide * kSide;

// The filters of the phases: outputs, channels * phases, 4 x 4. Tap (r, s) is tap (r / 2, s / 2) of
// phase (r % 2, s % 2).
std::vector<float> phase_filters(const ConvGeometry& g, const float* weight) {
  std::vector<float> filters(
      static_cast<std::size_t>(g.outputs * g.channels * kPhases * kTaps * kTaps));
  for (std::int64_t i = 0; i < g.outputs * g.channels; ++i)
    for (std::int64_t r = 0; r < g.kernel_h; ++r)
      for (std::int64_t s = 0; s < g.kernel_w; ++s)
        filters[static_cast<std::size_t>(
            ((i * kPhases + r % 2 * 2 + s % 2) * kTaps + r / 2) * kTaps + s / 2)] =
            weight[(i * g.kernel_h + r) * g.kernel_w + s];
  return filters;
}

class FirstWinogradStep final : public Step {
 public:
  FirstWinogradStep(const Kernels& kernels, const ConvStorage& storage, const Region& region,
                    const PrepareContext& context)
      : kernels_(kernels), threads_(context.threads), g_(geometry_of(region, region.nodes[0])) {
    rows_ = divide_up(g_.out_height, kTile);
    columns_ = divide_up(g_.out_width, kTile);
    pixels_ = (columns_ - 1) * kTile + kSide;
    const std::int64_t channels = g_.channels * kPhases;

    const std::vector<OutputBlock> blocks = output_blocks(region);
    const auto sizes = choose_panels(static_cast<int>(blocks.size()), columns_, kernels.gemm);
    std::vector<float> filters;  // made when they are packed
    const auto find = [&](const OutputBlock& block, std::int64_t lane,
                          std::int64_t c) -> const float* {
      const std::int64_t output = block.first_output + lane;
      if (output >= g_.outputs) return nullptr;
      return filters.data() + (output * channels + c) * kTaps * kTaps;
    };
    panels_ = pack_panels(
        region, storage, blocks, sizes, kPoints * channels * kChannelBlock,
        [&](std::span<const OutputBlock> of_panel, float* weight) {
          if (filters.empty()) filters = phase_filters(g_, region.param(0).constant);
          pack_winograd(kF5x4, of_panel, channels, find, weight);
        },
        context.weights);

    products_ = {.kind = kF5x4,
                 .points = kPoints,
                 .channels = static_cast<int>(channels),
                 .stride = columns_,
                 .v_point = columns_ * kChannelBlock + kPointGap,
                 .m_point = panels_[0].size() * columns_ * kChannelBlock + kPointGap};
  }

  std::int64_t workspace_bytes() const override {
    return threads_ * thread_floats() * size_of(DataType::kF32);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    pool_of(stream).run(static_cast<int>(g_.images * rows_), [&](int task, int worker) {
      float* phases = static_cast<float*>(bindings.workspace) + worker * thread_floats();
      float* v = phases + phase_floats();
      float* m = v + kPoints * products_.v_point;
      const std::int64_t image = task / rows_;
      const std::int64_t row = task % rows_;
      gather(bindings, image, row, phases);
      for (std::int64_t i = 0; i < columns_; ++i)
        kernels_.winograd.input[kF5x4]({.src = phases + i * kTile * kChannelBlock,
                                        .row_stride = static_cast<long>(pixels_ * kChannelBlock),
                                        .dst = v + i * kChannelBlock,
                                        .point_stride = static_cast<long>(products_.v_point)});
      for (const Panel& panel : panels_) {
        run_products(kernels_, kernels_.gemm, products_, panel, v, m, nullptr, 0, columns_);
        for (std::size_t j = 0; j < panel.blocks.size(); ++j)
          for (std::int64_t i = 0; i < columns_; ++i)
            store_outputs(kernels_, products_, panel, j,
                          m + (static_cast<std::int64_t>(j) * columns_ + i) * kChannelBlock, g_,
                          bindings, image, row * kTile, i * kTile);
      }
    });
  }

 private:
  std::int64_t phase_floats() const { return kSide * pixels_ * kChannelBlock; }
  std::int64_t thread_floats() const {
    return phase_floats() + kPoints * (products_.v_point + products_.m_point);
  }

  // The phases of a row of tiles; lane: channel * 4 + phase.
  void gather(const Bindings& bindings, std::int64_t image, std::int64_t row,
              float* phases) const noexcept {
    std::fill_n(phases, phase_floats(), 0.0f);
    const float* src =
        static_cast<const float*>(bindings.inputs[0]) + image * g_.channels * g_.in_plane();
    for (std::int64_t c = 0; c < g_.channels; ++c) {
      for (std::int64_t i = 0; i < 2 * kSide; ++i) {
        const std::int64_t y = row * kTile * 2 + i - g_.pad_h;
        if (y < 0 || y >= g_.height) continue;
        float* dst = phases + i / 2 * pixels_ * kChannelBlock + c * kPhases + i % 2 * 2;
        gather_row(src + (c * g_.height + y) * g_.width, 0, dst);
        gather_row(src + (c * g_.height + y) * g_.width, 1, dst + 1);
      }
    }
  }

  void gather_row(const float* row, std::int64_t phase, float* dst) const noexcept {
    const std::int64_t first = phase - g_.pad_w;  // the column of pixel 0
    const std::int64_t begin = divide_up(std::max<std::int64_t>(-first, 0), 2);
    const std::int64_t end =
        std::min(divide_up(std::max<std::int64_t>(g_.width - first, 0), 2), pixels_);
    for (std::int64_t i = begin; i < end; ++i) dst[i * kChannelBlock] = row[first + 2 * i];
  }

  const Kernels& kernels_;
  int threads_;
  ConvGeometry g_;
  std::int64_t rows_ = 0, columns_ = 0;  // of tiles
  std::int64_t pixels_ = 0;              // of a phase in a row of tiles
  std::vector<Panel> panels_;
  WinogradProducts products_ = {};
};

class ConvFirstWinograd final : public KernelTactic {
 public:
  ConvFirstWinograd(const Kernels& kernels, const ConvStorage& storage)
      : KernelTactic("cpu.conv.first_winograd", kernels, storage.type, storage.isa),
        storage_(storage) {
    storage_.weights = DataType::kF32;  // they are few
  }

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() != 1) return "runs one convolution at a time";
    if (auto reason = refuse_convs(region)) return reason;
    const ConvGeometry g = geometry_of(region, region.nodes[0]);
    if (g.channels * kPhases > kChannelBlock) return "more than 4 input channels";
    if (g.group != 1) return "it has groups";
    if (adds_own_input(region.nodes[0])) return "it adds its own input";
    const auto fits = [](std::int64_t taps) { return (taps + 1) / 2 == kTaps; };
    if (!fits(g.kernel_h) || !fits(g.kernel_w)) return "not 7x7 or 8x8";
    if (g.stride_h != 2 || g.stride_w != 2) return "not of stride 2";
    if (g.is_dilated()) return "it has dilation";
    if (g.images * g.out_height > ThreadPool::kMaxTasks) return "too many rows";
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    Requirements need = requirements_in(region, blocked_format(type()));
    need.inputs[0] = {};
    return need;
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<FirstWinogradStep>(kernels(), storage_, region, context);
  }

 private:
  ConvStorage storage_;
};

}  // namespace

std::unique_ptr<const Tactic> make_conv_first_winograd(const Kernels& kernels,
                                                       const ConvStorage& storage) {
  return std::make_unique<ConvFirstWinograd>(kernels, storage);
}

}  // namespace kissa::cpu
