// A first layer in BF16 from a row-major FP32 image of up to 4 channels, as it is defined. Pixels
// are rounded and interleaved to 4 channels, 8 bytes, so that the 64 bytes from a pixel on are 8
// taps of a row of all channels: a step of the kernel's sum. For each output these 64 bytes are
// copied:
//   a row of the image:            x0 x1 x2 x3 x4 x5 x6 x7 x8 ...
//   output 0, 7 taps of stride 2:  [--------------------) and one tap of zero weights
//   output 1:                            [--------------------)
// A row of taps reads the copies of one row of the image. These rows lie in planes by the phases of
// the row stride, so that rows of outputs follow each other too (conv_flat.cpp). A task gathers the
// rows for a strip of outputs, which stay in L2, and runs all panels over it.

#include "backends/cpu/conv_bf16.h"
#include "backends/cpu/conv_blocks.h"
#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

constexpr std::int64_t kMostChannels = 4;
constexpr std::int64_t kPixelFloats = kMostChannels / 2;
constexpr std::int64_t kStepTaps = kChannelBlock / kPixelFloats;  // of a row, in 64 bytes
constexpr std::int64_t kStripBytes = 256 << 10;
constexpr std::int64_t kMostStripBytes = std::int64_t{64} << 20;  // a single row of outputs
constexpr std::int64_t kStripsPerThread = 4;

// Of a row of the image between pads, in pixels: what all outputs read.
std::int64_t row_pixels(const ConvGeometry& g) {
  return (g.out_width - 1) * g.stride_w + divide_up(g.kernel_w, kStepTaps) * kStepTaps;
}

std::int64_t strip_floats(const ConvGeometry& g, std::int64_t rows) {
  const PhasedAxis axis(rows, g.kernel_h, g.stride_h, 1);
  return divide_up(g.kernel_w, kStepTaps) * axis.phases * axis.length * g.out_width * kChannelBlock;
}

class FirstFlatStep final : public Step {
 public:
  FirstFlatStep(const Bf16Kernels& bf16, const Region& region, const PrepareContext& context)
      : bf16_(bf16),
        threads_(context.threads),
        g_(geometry_of(region, region.nodes[0])),
        rows_(rows_of_strip(g_, context.threads)),
        axis_(rows_, g_.kernel_h, g_.stride_h, 1),
        strips_(divide_up(g_.out_height, rows_)),
        row_floats_(g_.out_width * kChannelBlock),
        steps_(divide_up(g_.kernel_w, kStepTaps)) {
    for (std::int64_t r = 0; r < g_.kernel_h; ++r)
      for (std::int64_t q = 0; q < steps_; ++q)
        tap_offsets_.push_back(static_cast<long>(
            ((q * axis_.phases + axis_.phase(r)) * axis_.length + axis_.shift(r)) * row_floats_));
    const std::vector<OutputBlock> blocks = output_blocks(region);
    panels_ = pack_panels(
        region, {}, blocks, flat_panels(blocks.size()),
        g_.kernel_h * steps_ * kChannelBlock * kChannelBlock,
        [&](std::span<const OutputBlock> of_panel, float* weight) {
          pack(of_panel, taps_of(region), weight);
        },
        context.weights);
  }

  std::int64_t workspace_bytes() const override {
    return threads_ * thread_floats() * size_of(DataType::kF32);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    pool_of(stream).run(static_cast<int>(g_.images * strips_), [&](int task, int worker) {
      const std::int64_t image = task / strips_;
      const std::int64_t first = task % strips_ * rows_;
      float* strip = static_cast<float*>(bindings.workspace) + worker * thread_floats();
      const std::int64_t count = std::min(rows_, g_.out_height - first);
      gather(bindings, image, first, strip);
      for (const Panel& panel : panels_) run_panel(bindings, panel, image, first, count, strip);
    });
  }

 private:
  static std::int64_t rows_of_strip(const ConvGeometry& g, std::int64_t threads) {
    std::int64_t rows = g.out_height;
    while (rows > 1 &&
           (strip_floats(g, rows) * size_of(DataType::kF32) > kStripBytes ||
            (threads > 1 && g.images * divide_up(g.out_height, rows) < kStripsPerThread * threads)))
      rows = divide_up(rows, 2);
    return divide_up(g.out_height, divide_up(g.out_height, rows));
  }

  // Row of taps, step, 16 pairs (tap of the step, pair of channels), outputs.
  void pack(std::span<const OutputBlock> blocks, const FindTaps& find, float* weight) const {
    const std::int64_t row = std::ssize(blocks) * kChannelBlock;
    for (std::int64_t k = 0; k < row; ++k) {
      const OutputBlock& block = blocks[static_cast<std::size_t>(k / kChannelBlock)];
      const auto value = [&](std::int64_t c, std::int64_t r, std::int64_t s) {
        if (c >= g_.channels || s >= g_.kernel_w) return 0.0f;
        const float* taps = find(block, k % kChannelBlock, c);
        return taps != nullptr ? taps[r * g_.kernel_w + s] : 0.0f;
      };
      for (std::int64_t r = 0; r < g_.kernel_h; ++r)
        for (std::int64_t i = 0; i < steps_ * kChannelBlock; ++i) {
          const std::int64_t s = i / kPixelFloats;
          const std::int64_t c = i % kPixelFloats * 2;
          weight[(r * steps_ * kChannelBlock + i) * row + k] =
              to_pair(value(c, r, s), value(c + 1, r, s));
        }
    }
  }

  std::int64_t row_of_image_floats() const { return row_pixels(g_) * kPixelFloats; }
  std::int64_t image_rows() const { return axis_.phases * axis_.length; }
  std::int64_t thread_floats() const {
    return strip_floats(g_, rows_) + image_rows() * row_of_image_floats();
  }

  // What `rows_` rows of outputs from `first` on read.
  void gather(const Bindings& bindings, std::int64_t image, std::int64_t first,
              float* strip) const noexcept {
    // All rows before the copies: memory that was just written in other pieces is slow to read.
    float* rows = strip + strip_floats(g_, rows_);
    for (std::int64_t i = 0; i < image_rows(); ++i)
      gather_row(bindings, image,
                 (first + i % axis_.length) * g_.stride_h + i / axis_.length - g_.pad_h,
                 rows + i * row_of_image_floats());
    for (std::int64_t q = 0; q < steps_; ++q)
      for (std::int64_t i = 0; i < image_rows(); ++i, strip += row_floats_)
        bf16_.expand(rows + i * row_of_image_floats() + q * kChannelBlock,
                     static_cast<long>(g_.stride_w * kPixelFloats), static_cast<long>(g_.out_width),
                     strip);
  }

  // Row y of the image with its pads, interleaved.
  void gather_row(const Bindings& bindings, std::int64_t image, std::int64_t y,
                  float* row) const noexcept {
    std::fill_n(row, row_of_image_floats(), 0.0f);
    if (y < 0 || y >= g_.height) return;
    const auto* src =
        static_cast<const float*>(bindings.inputs[0]) + image * g_.channels * g_.in_plane();
    const float* planes[kMostChannels] = {};
    for (std::int64_t c = 0; c < g_.channels; ++c) planes[c] = src + (c * g_.height + y) * g_.width;
    const std::int64_t pixels = std::min(g_.width, row_pixels(g_) - g_.pad_w);
    if (pixels > 0)
      bf16_.interleave(planes, static_cast<long>(pixels), row + g_.pad_w * kPixelFloats);
  }

  void run_panel(const Bindings& bindings, const Panel& panel, std::int64_t image,
                 std::int64_t first, std::int64_t count, const float* strip) const noexcept {
    const auto outputs = half_blocks(panel, bindings, image, first * g_.out_width);
    bf16_.flat[panel.size() - 1]({.src = strip,
                                  .src_stride = 0,
                                  .tap_offset = tap_offsets_.data(),
                                  .taps = static_cast<int>(tap_offsets_.size()),
                                  .pairs = kChannelBlock,
                                  .weight = panel.weight,
                                  .bias = panel.bias,
                                  .outputs = outputs.data(),
                                  .pixels = static_cast<int>(count * g_.out_width),
                                  .pitch = static_cast<int>(g_.out_width),
                                  .width = static_cast<int>(g_.out_width),
                                  .prefetch = nullptr,
                                  .prefetch_lines = 0});
  }

  const Bf16Kernels& bf16_;
  int threads_;
  ConvGeometry g_;
  std::int64_t rows_;  // of outputs in a strip
  PhasedAxis axis_;
  std::int64_t strips_;  // of an image
  std::int64_t row_floats_;
  std::int64_t steps_;  // of a row of taps
  std::vector<long> tap_offsets_;
  std::vector<Panel> panels_;
};

class ConvFirstFlat final : public Tactic {
 public:
  explicit ConvFirstFlat(const Bf16Kernels& bf16)
      : bf16_(bf16), name_(fmt::format("cpu.conv.first_flat.bf16.{}", bf16.isa)) {}

  std::string_view name() const override { return name_; }

  Requirements requirements(const Region& region) const override {
    Requirements need = requirements_in(region, kBlockedBf16);
    need.inputs[0] = {};
    return need;
  }

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() != 1) return "runs one convolution at a time";
    if (auto reason = refuse_convs(region)) return reason;
    const ConvGeometry g = geometry_of(region, region.nodes[0]);
    if (g.channels > kMostChannels) return "more than 4 input channels";
    if (g.group != 1) return "it has groups";
    if (adds_own_input(region.nodes[0])) return "it adds its own input";
    if (g.is_dilated()) return "it has dilation";
    const std::int64_t most = kMostStripBytes / (kChannelBlock * size_of(DataType::kF32));
    if (g.out_width > most / (g.kernel_w + kStepTaps) || g.out_width > most / g.stride_w ||
        g.kernel_h > most / (g.out_width * divide_up(g.kernel_w, kStepTaps)))
      return "a row of outputs needs too much of the padded image";
    if (g.images * g.out_height > ThreadPool::kMaxTasks) return "too many rows";
    return std::nullopt;
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<FirstFlatStep>(bf16_, region, context);
  }

 private:
  const Bf16Kernels& bf16_;
  std::string name_;
};

}  // namespace

std::unique_ptr<const Tactic> make_conv_first_flat(const Bf16Kernels& bf16) {
  return std::make_unique<ConvFirstFlat>(bf16);
}

}  // namespace kissa::cpu
