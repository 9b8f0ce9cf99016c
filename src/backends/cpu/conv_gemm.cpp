// 1x1 convolution as one product of matrices: pixels x channels times channels x outputs. Siblings
// that read one value (an Inception module's 1x1) are merged: their outputs are one list of blocks,
// each stored through its own address.
//
// Pixels are cut into groups whose source fits into L2. Within a group a panel of weights goes over
// all pixels before the next panel comes, which is meanwhile prefetched:
//   for group, panel, chunk of the group's tiles (a task), tile: run_tile.
// In FP16 a group's source is widened first, and a panel's weights before each task.
#include <algorithm>

#include "backends/cpu/conv_blocks.h"
#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

// Enough that the last tasks to end leave a thread little to wait for.
constexpr std::int64_t kTasksPerThread = 16;

class GemmStep final : public Step {
 public:
  GemmStep(const Kernels& kernels, const ConvStorage& storage, const Region& region,
           const PrepareContext& context)
      : kernels_(kernels),
        storage_(storage),
        threads_(context.threads),
        in_(region.value(region.inputs[0]).desc),
        blocks_(channel_blocks(in_.channels)) {
    const std::int64_t image_bytes = blocks_ * in_.block_floats() * size_of(DataType::kF32);
    parts_ = std::min(divide_up(image_bytes, group_bytes()), in_.pixels());
    group_images_ = std::clamp<std::int64_t>(group_bytes() / image_bytes, 1, in_.images);
    groups_ = divide_up(in_.images, group_images_) * parts_;
    pack(region, context.weights);
    const auto count = static_cast<std::int64_t>(panels_.size());
    if (threads_ > 1) chunks_ = divide_up(kTasksPerThread * threads_, groups_ * count);
    chunks_ = std::min(chunks_, ThreadPool::kMaxTasks / (groups_ * count));
    if (storage_.halves != nullptr)
      source_floats_ = group_images_ * blocks_ * divide_up(in_.pixels(), parts_) * kChannelBlock;
    if (storage_.weights != DataType::kF32)
      weight_floats_ = in_.channels * panels_[0].size() * kChannelBlock;
  }

  std::int64_t workspace_bytes() const override {
    return (source_floats_ + threads_ * weight_floats_) * size_of(DataType::kF32);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    if (storage_.halves == nullptr) {
      run_groups(bindings, stream, 0, groups_);
      return;
    }
    for (std::int64_t group = 0; group < groups_; ++group) {
      widen_source(bindings, stream, group_at(group));
      run_groups(bindings, stream, group, 1);
    }
  }

 private:
  // Some images, or one of an image's parts.
  struct Group {
    std::int64_t first_image, images;
    std::int64_t first_pixel, pixels;  // of each image
  };

  Group group_at(std::int64_t index) const noexcept {
    const std::int64_t first_image = index / parts_ * group_images_;
    const std::int64_t part = index % parts_;
    const std::int64_t first_pixel = in_.pixels() * part / parts_;
    return {.first_image = first_image,
            .images = std::min(group_images_, in_.images - first_image),
            .first_pixel = first_pixel,
            .pixels = in_.pixels() * (part + 1) / parts_ - first_pixel};
  }

  void run_groups(const Bindings& bindings, Stream& stream, std::int64_t first,
                  std::int64_t groups) const noexcept {
    const auto count = std::ssize(panels_);
    pool_of(stream).run(static_cast<int>(groups * count * chunks_), [&](int task, int worker) {
      float* scratch =
          static_cast<float*>(bindings.workspace) + source_floats_ + worker * weight_floats_;
      run_chunk(bindings, first + task / chunks_ / count, task / chunks_ % count, task % chunks_,
                scratch);
    });
  }

  // To images, blocks of 16 channels, pixels of the group.
  void widen_source(const Bindings& bindings, Stream& stream, const Group& group) const noexcept {
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    auto* dst = static_cast<float*>(bindings.workspace);
    const std::int64_t halves = group.images * blocks_;
    const auto body = [&](std::int64_t begin, std::int64_t end) {
      for_each_group(begin, end, group.pixels, [&](std::int64_t half, auto first, auto last) {
        const std::int64_t block = half % blocks_;
        storage_.halves->widen(src + in_.offset(group.first_image + half / blocks_, block / 2) +
                                   (group.first_pixel + first) * kChannelBlock +
                                   block % 2 * (kChannelBlock / 2),
                               dst + (half * group.pixels + first) * kChannelBlock,
                               one_row(static_cast<long>(last - first)));
      });
    };
    parallel_for(stream, halves * group.pixels, 3 * kChannelBlock * 2, body);
  }

  // Of an image of the group.
  const float* source_of(const Bindings& bindings, const Group& group,
                         std::int64_t image) const noexcept {
    if (storage_.halves != nullptr)
      return static_cast<const float*>(bindings.workspace) +
             image * blocks_ * group.pixels * kChannelBlock;
    return static_cast<const float*>(bindings.inputs[0]) +
           in_.offset(group.first_image + image, 0) + group.first_pixel * kChannelBlock;
  }

  void pack(const Region& region, WeightArena& arena) {
    const std::vector<OutputBlock> blocks = output_blocks(region);
    const auto sizes =
        choose_panels(static_cast<int>(blocks.size()), in_.pixels() / parts_, kernels_.gemm);
    panels_ = pack_panels(
        region, storage_, blocks, sizes, in_.channels * kChannelBlock,
        [&](std::span<const OutputBlock> of_panel, float* weight) {
          pack_filters(of_panel, in_.channels, 1, taps_of(region), weight);
        },
        arena);
  }

  void run_chunk(const Bindings& bindings, std::int64_t index, std::int64_t p, std::int64_t chunk,
                 float* scratch) const noexcept {
    const Group group = group_at(index);
    const Panel& panel = panels_[static_cast<std::size_t>(p)];
    // Of an image, as even as can be.
    const std::int64_t tiles = divide_up(group.pixels, kernels_.gemm.pixels[panel.size() - 1]);
    const std::int64_t begin = group.images * tiles * chunk / chunks_;
    const std::int64_t end = group.images * tiles * (chunk + 1) / chunks_;

    const long tap_offset = 0;
    GemmTile tile = {};
    tile.src_stride = static_cast<long>(storage_.halves != nullptr ? group.pixels * kChannelBlock
                                                                   : in_.block_floats());
    tile.tap_offset = &tap_offset;
    tile.taps = 1;
    tile.channels = static_cast<int>(in_.channels);
    const GemmKernels& gemm =
        set_weights(kernels_, kernels_.gemm, panel, 0, in_.channels * panel.size() * kChannelBlock,
                    1.0f, end - begin, scratch, tile);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / tiles;
      const std::int64_t a = group.pixels * (i % tiles) / tiles;
      const std::int64_t b = group.pixels * (i % tiles + 1) / tiles;
      tile.src = source_of(bindings, group, image) + a * kChannelBlock;
      prefetch_next(tile, index, p, chunk / threads_ * group.images * tiles / chunks_ + i - begin,
                    group.images * tiles);
      run_tile(kernels_, gemm, panel, bindings, group.first_image + image, group.first_pixel + a,
               static_cast<int>(b - a), tile);
    }
  }

  // A thread takes about tiles / threads of a panel's tiles, this one as its i-th: with each it
  // prefetches a slice of the next panel, which lies behind the panel's own (behind the last panel:
  // the next step's first).
  void prefetch_next(GemmTile& tile, std::int64_t group, std::int64_t p, std::int64_t i,
                     std::int64_t tiles) const noexcept {
    const bool wraps = p + 1 == std::ssize(panels_) && group + 1 < groups_;
    const Panel& panel = panels_[static_cast<std::size_t>(wraps ? 0 : p)];
    const std::int64_t slices = std::max<std::int64_t>(tiles / threads_, 1);
    set_prefetch(tile, panel.bias + (wraps ? 0 : panel.lines * kChannelBlock), panel.lines,
                 i % slices, slices);
  }

  const Kernels& kernels_;
  ConvStorage storage_;
  int threads_;
  BlockedTensor in_;
  std::int64_t blocks_;  // of 16 channels
  std::int64_t group_images_ = 1, parts_ = 1, groups_ = 1;
  std::int64_t chunks_ = 1;
  std::vector<Panel> panels_;
  std::int64_t source_floats_ = 0;  // of a group, widened
  std::int64_t weight_floats_ = 0;  // of a panel, widened
};

class ConvGemm final : public BlockedTactic {
 public:
  ConvGemm(const Kernels& kernels, const ConvStorage& storage)
      : BlockedTactic("cpu.conv.gemm", kernels, storage.type, storage.isa), storage_(storage) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (auto reason = refuse_convs(region)) return reason;
    std::int64_t blocks = 0;
    for (const Region::Node& node : region.nodes) {
      const ConvGeometry g = geometry_of(region, node);
      if (!g.is_gemm()) return "not 1x1 with stride 1 and no padding";
      if (g.group != 1) return "it has groups";
      blocks += channel_blocks(g.outputs);
    }
    const TensorDesc& in = region.in(0).desc;
    const std::int64_t groups =
        in.shape[0] * divide_up(in.image_elements() * size_of(DataType::kF32), group_bytes());
    if (groups > ThreadPool::kMaxTasks / blocks) return "too many images or pixels";
    return std::nullopt;
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<GemmStep>(kernels(), storage_, region, context);
  }

 private:
  ConvStorage storage_;
};

}  // namespace

std::unique_ptr<const Tactic> make_conv_gemm(const Kernels& kernels, const ConvStorage& storage) {
  return std::make_unique<ConvGemm>(kernels, storage);
}

}  // namespace kissa::cpu
