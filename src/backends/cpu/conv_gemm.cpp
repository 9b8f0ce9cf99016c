// 1x1 convolution as one product of matrices: pixels x channels times channels x outputs. Siblings
// that read one value (an Inception module's 1x1) are merged: their outputs are one list of blocks,
// each stored through its own address.
//
// Pixels are cut into groups whose source fits into L2. Within a group a panel of weights goes over
// all pixels before the next panel comes, which is meanwhile prefetched:
//   for group, panel, chunk of the group's tiles (a task), tile: run_tile.
#include <algorithm>

#include "backends/cpu/conv_blocks.h"
#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

// Half of a Zen 4 core's L2.
constexpr std::int64_t kGroupBytes = 512 << 10;
// Enough that the last tasks to end leave a thread little to wait for.
constexpr std::int64_t kTasksPerThread = 16;

class GemmStep final : public Step {
 public:
  GemmStep(const Kernels& kernels, const Region& region, const PrepareContext& context)
      : kernels_(kernels), threads_(context.threads) {
    const ConvGeometry g = geometry_of(region, region.nodes[0]);
    const TensorDesc& in = region.value(region.inputs[0]).desc;
    channels_ = static_cast<int>(g.channels);
    images_ = g.images;
    pixels_ = g.in_plane();
    image_stride_ = BlockedTensor(in).image_stride;
    const std::int64_t image_bytes = in.image_elements() * size_of(DataType::kF32);
    parts_ = std::min(divide_up(image_bytes, kGroupBytes), pixels_);
    group_images_ = std::clamp<std::int64_t>(kGroupBytes / image_bytes, 1, images_);

    const std::vector<OutputBlock> blocks = output_blocks(region);
    const auto sizes =
        choose_panels(static_cast<int>(blocks.size()), pixels_ / parts_, kernels.gemm);
    panels_ = pack_panels(
        region, blocks, sizes, g.channels * kChannelBlock,
        [&](std::span<const OutputBlock> of_panel, float* weight) {
          pack_filters(of_panel, g.channels, 1, taps_of(region), weight);
        },
        context.weights);
    groups_ = divide_up(images_, group_images_) * parts_;
    const auto count = static_cast<std::int64_t>(panels_.size());
    if (threads_ > 1) chunks_ = divide_up(kTasksPerThread * threads_, groups_ * count);
    chunks_ = std::min(chunks_, ThreadPool::kMaxTasks / (groups_ * count));
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const auto count = static_cast<std::int64_t>(panels_.size());
    pool_of(stream).run(static_cast<int>(groups_ * count * chunks_), [&](int task, int) {
      run_chunk(bindings, task / chunks_ / count, task / chunks_ % count, task % chunks_);
    });
  }

 private:
  void run_chunk(const Bindings& bindings, std::int64_t group, std::int64_t p,
                 std::int64_t chunk) const noexcept {
    const std::int64_t first_image = group / parts_ * group_images_;
    const std::int64_t images = std::min(group_images_, images_ - first_image);
    const std::int64_t part = group % parts_;
    const std::int64_t first = pixels_ * part / parts_;
    const std::int64_t pixels = pixels_ * (part + 1) / parts_ - first;
    const Panel& panel = panels_[static_cast<std::size_t>(p)];
    const std::int64_t most = kernels_.gemm.pixels[panel.size() - 1];
    const std::int64_t tiles = divide_up(pixels, most);  // of an image, as even as can be
    const std::int64_t begin = images * tiles * chunk / chunks_;
    const std::int64_t end = images * tiles * (chunk + 1) / chunks_;

    const long tap_offset = 0;
    GemmTile tile = {};
    tile.src_stride = static_cast<long>(pixels_ * kChannelBlock);
    tile.tap_offset = &tap_offset;
    tile.taps = 1;
    tile.channels = channels_;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = first_image + i / tiles;
      const std::int64_t a = first + pixels * (i % tiles) / tiles;
      const std::int64_t b = first + pixels * (i % tiles + 1) / tiles;
      tile.src =
          static_cast<const float*>(bindings.inputs[0]) + image * image_stride_ + a * kChannelBlock;
      prefetch_next(tile, group, p, chunk / threads_ * images * tiles / chunks_ + i - begin,
                    images * tiles);
      run_tile(kernels_, kernels_.gemm, panel, bindings, image, a, static_cast<int>(b - a), tile);
    }
  }

  // A thread takes about tiles / threads of a panel's tiles, this one as its i-th: with each it
  // prefetches a slice of the next panel, which lies behind the panel's own (behind the last panel:
  // the next step's first).
  void prefetch_next(GemmTile& tile, std::int64_t group, std::int64_t p, std::int64_t i,
                     std::int64_t tiles) const noexcept {
    const bool wraps = p + 1 == std::ssize(panels_) && group + 1 < groups_;
    const Panel& panel = panels_[static_cast<std::size_t>(wraps ? 0 : p)];
    const std::int64_t lines = panel.size() * (1 + static_cast<std::int64_t>(channels_));
    const std::int64_t slices = std::max<std::int64_t>(tiles / threads_, 1);
    set_prefetch(tile, panel.bias + (wraps ? 0 : lines * kChannelBlock), lines, i % slices, slices);
  }

  const Kernels& kernels_;
  int threads_;
  int channels_;
  std::int64_t images_, pixels_, image_stride_;
  std::int64_t group_images_, parts_, groups_;  // a group: some images, or one of an image's parts
  std::int64_t chunks_ = 1;
  std::vector<Panel> panels_;
};

class ConvGemm final : public BlockedTactic {
 public:
  explicit ConvGemm(const Kernels& kernels) : BlockedTactic("cpu.conv.gemm", kernels) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (auto reason = refuse_convs(region)) return reason;
    for (const Region::Node& node : region.nodes) {
      const ConvGeometry g = geometry_of(region, node);
      if (!g.is_gemm()) return "not 1x1 with stride 1 and no padding";
      if (g.group != 1) return "it has groups";
    }
    return std::nullopt;
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<GemmStep>(kernels(), region, context);
  }
};

}  // namespace

std::unique_ptr<const Tactic> make_conv_gemm(const Kernels& kernels) {
  return std::make_unique<ConvGemm>(kernels);
}

}  // namespace kissa::cpu
