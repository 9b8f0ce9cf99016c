// Convolution in BF16 of any kernel, stride, pad and dilation, as it is defined: a product of
// matrices for each tap. Pixels of an image are taken as one flat row, so that the kernel's tiles
// run over the ends of rows:
//   columns of a 3x3 over rows of 4 pixels, zeros around them, as flat pixels:
//     0 a0 a1 a2 a3 0 | 0 b0 b1 b2 b3 0 | 0 c0 ...    pitch 6, of which 4 are outputs
//   tap (r, s) of flat pixel f is flat pixel f + r * pitch + s.
// The image itself is read where it has neither pads nor strides (1x1: pitch = width). Otherwise
// its rows are gathered into the workspace with zeros around them, a plane for each phase of the
// strides, so that taps of one phase are neighbours again. Siblings that read one value (1x1) are
// one list of output blocks.
//
// Images are taken in groups whose source fits into L2. Within a group a panel of weights goes over
// all images before the next panel comes, which is meanwhile prefetched. Where there are groups
// enough each is one task; otherwise all threads gather one group, and then share its panels.
#include <algorithm>

#include "backends/cpu/conv_bf16.h"
#include "backends/cpu/conv_blocks.h"
#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

// What one image may ask of the workspace.
constexpr std::int64_t kMostImageBytes = std::int64_t{256} << 20;
// Groups that each thread should find, before it is given whole groups.
constexpr std::int64_t kGroupsPerThread = 2;
// Flat pixels below which a chunk of a panel is not cut further: two tiles of AMX.
constexpr std::int64_t kLeastChunk = 64;

// How the flat pixels of an image lie.
struct FlatImage {
  bool in_place;
  PhasedAxis rows, columns;
  std::int64_t pitch;         // flat pixels from one row to the next
  std::int64_t plane_pixels;  // of a block of channels, all phases

  explicit FlatImage(const ConvGeometry& g)
      : in_place(!g.is_padded() && !g.is_strided()),
        rows(g.out_height, g.kernel_h, g.stride_h, g.dilation_h),
        columns(g.out_width, g.kernel_w, g.stride_w, g.dilation_w),
        pitch(in_place ? g.width : columns.length),
        plane_pixels(in_place ? g.in_plane()
                              : rows.phases * rows.length * columns.phases * columns.length) {}

  std::int64_t offset_of(std::int64_t tap_row, std::int64_t tap_column) const {
    if (in_place) return tap_row * rows.dilation * pitch + tap_column * columns.dilation;
    const std::int64_t plane = rows.phase(tap_row) * columns.phases + columns.phase(tap_column);
    return (plane * rows.length + rows.shift(tap_row)) * pitch + columns.shift(tap_column);
  }
};

// Weights as FlatConv wants them.
void pack_pairs(std::span<const OutputBlock> blocks, std::int64_t channels, std::int64_t taps,
                std::int64_t pairs, const FindTaps& find, float* weight) {
  const std::int64_t row = std::ssize(blocks) * kChannelBlock;
  const auto value = [](const float* of_channel, std::int64_t tap) {
    return of_channel != nullptr ? of_channel[tap] : 0.0f;
  };
  for (std::int64_t k = 0; k < row; ++k) {
    const OutputBlock& block = blocks[static_cast<std::size_t>(k / kChannelBlock)];
    for (std::int64_t p = 0; p < pairs; ++p) {
      const auto channel = [&](std::int64_t c) {
        return c < channels ? find(block, k % kChannelBlock, c) : nullptr;
      };
      const float* low = channel(2 * p);
      const float* high = channel(2 * p + 1);
      const std::int64_t first = p / kChannelBlock * kChannelBlock;
      const std::int64_t count = std::min(kChannelBlock, pairs - first);
      float* dst = weight + (first * taps + p - first) * row + k;
      for (std::int64_t t = 0; t < taps; ++t)
        dst[t * count * row] = to_pair(value(low, t), value(high, t));
    }
  }
}

class FlatStep final : public Step {
 public:
  FlatStep(const Bf16Kernels& bf16, const Region& region, const PrepareContext& context)
      : bf16_(bf16),
        g_(geometry_of(region, region.nodes[0])),
        image_(g_),
        in_(region.in(0).desc),
        pairs_(pairs_of(g_.channels, bf16)) {
    for (std::int64_t r = 0; r < g_.kernel_h; ++r)
      for (std::int64_t s = 0; s < g_.kernel_w; ++s)
        tap_offsets_.push_back(static_cast<long>(image_.offset_of(r, s) * kChannelBlock));
    image_floats_ = in_.blocks * image_.plane_pixels * kChannelBlock;
    const std::int64_t fitting = group_bytes() / (image_floats_ * size_of(DataType::kF32));
    group_images_ = std::clamp<std::int64_t>(fitting, 1, g_.images);
    groups_ = divide_up(g_.images, group_images_);
    shares_groups_ = context.threads > 1 && groups_ < kGroupsPerThread * context.threads;
    if (!shares_groups_) {
      groups_ = std::min(divide_up(groups_, context.threads) * context.threads, g_.images);
      group_images_ = divide_up(g_.images, groups_);
      groups_ = divide_up(g_.images, group_images_);
    }
    gathered_floats_ = image_.in_place ? 0 : group_images_ * image_floats_;
    workspace_floats_ = shares_groups_ ? gathered_floats_ : context.threads * gathered_floats_;
    pack(region, context.weights);
    chunks_ = pieces_for(std::ssize(panels_) * group_images_, most_chunks(), context.threads);
  }

  std::int64_t workspace_bytes() const override {
    return workspace_floats_ * size_of(DataType::kF32);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    ThreadPool& pool = pool_of(stream);
    auto* workspace = static_cast<float*>(bindings.workspace);
    if (!shares_groups_) {
      pool.run(static_cast<int>(groups_), [&](int index, int worker) {
        const Group group = group_at(index, workspace + worker * gathered_floats_);
        gather(bindings, group, 0, group.images * rows_of_image());
        for (std::size_t p = 0; p < panels_.size(); ++p)
          for (std::int64_t i = 0; i < group.images; ++i)
            run_rows(bindings, group, p, i, 0, g_.out_height);
      });
      return;
    }
    for (std::int64_t index = 0; index < groups_; ++index) {
      const Group group = group_at(index, workspace);
      const std::int64_t rows = group.images * rows_of_image();
      const std::int64_t pieces = std::min<std::int64_t>(8 * pool.threads(), rows);
      if (!image_.in_place)
        pool.run(static_cast<int>(pieces), [&](int piece, int) {
          gather(bindings, group, rows * piece / pieces, rows * (piece + 1) / pieces);
        });
      const std::int64_t per_panel = group.images * chunks_;
      pool.run(static_cast<int>(std::ssize(panels_) * per_panel), [&](int task, int) {
        const std::int64_t chunk = task % chunks_;
        run_rows(bindings, group, static_cast<std::size_t>(task / per_panel),
                 task % per_panel / chunks_, g_.out_height * chunk / chunks_,
                 g_.out_height * (chunk + 1) / chunks_);
      });
    }
  }

 private:
  struct Group {
    std::int64_t first_image, images;
    float* gathered;
  };

  Group group_at(std::int64_t index, float* gathered) const noexcept {
    const std::int64_t first = index * group_images_;
    return {first, std::min(group_images_, g_.images - first), gathered};
  }

  std::int64_t rows_of_image() const {
    return in_.blocks * image_.rows.phases * image_.columns.phases * image_.rows.length;
  }

  std::int64_t most_chunks() const {
    const std::int64_t rows = std::max<std::int64_t>(kLeastChunk / image_.pitch, 1);
    return divide_up(g_.out_height, rows);
  }

  void pack(const Region& region, WeightArena& arena) {
    const std::vector<OutputBlock> blocks = output_blocks(region);
    const FindTaps find = taps_of(region);
    panels_ = pack_panels(
        region, {}, blocks, flat_panels(blocks.size()), pairs_ * g_.taps() * kChannelBlock,
        [&](std::span<const OutputBlock> of_panel, float* weight) {
          pack_pairs(of_panel, g_.channels, g_.taps(), pairs_, find, weight);
        },
        arena);
  }

  // Rows [begin, end) of a group's gathered images, counted through images, blocks of channels and
  // phases.
  void gather(const Bindings& bindings, const Group& group, std::int64_t begin,
              std::int64_t end) const noexcept {
    if (image_.in_place) return;
    const PhasedAxis& rows = image_.rows;
    const PhasedAxis& columns = image_.columns;
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t plane = i / rows.length;
      const std::int64_t phases = plane % (rows.phases * columns.phases);
      const std::int64_t block = plane / (rows.phases * columns.phases);
      const std::int64_t y = i % rows.length * rows.stride + phases / columns.phases - g_.pad_h;
      const float* row = nullptr;
      if (y >= 0 && y < g_.height)
        row = src + in_.offset(group.first_image + block / in_.blocks, block % in_.blocks) +
              y * g_.width * kChannelBlock;
      gather_row(row, phases % columns.phases - g_.pad_w,
                 group.gathered + i * image_.pitch * kChannelBlock);
    }
  }

  // Places of a row from column `first` of the image on, zeros outside. `row`: null for zeros.
  void gather_row(const float* row, std::int64_t first, float* dst) const noexcept {
    const std::int64_t stride = image_.columns.stride;
    const std::int64_t count = image_.pitch;
    if (row == nullptr) {
      std::fill_n(dst, count * kChannelBlock, 0.0f);
      return;
    }
    const auto clamp = [&](std::int64_t x) { return std::clamp<std::int64_t>(x, 0, count); };
    const std::int64_t begin = clamp(divide_up(std::max<std::int64_t>(-first, 0), stride));
    const std::int64_t end = clamp(divide_up(std::max<std::int64_t>(g_.width - first, 0), stride));
    std::fill_n(dst, begin * kChannelBlock, 0.0f);
    if (stride == 1) {
      std::copy_n(row + (first + begin) * kChannelBlock, (end - begin) * kChannelBlock,
                  dst + begin * kChannelBlock);
    } else {
      for (std::int64_t i = begin; i < end; ++i)
        std::copy_n(row + (first + i * stride) * kChannelBlock, kChannelBlock,
                    dst + i * kChannelBlock);
    }
    std::fill_n(dst + end * kChannelBlock, (count - end) * kChannelBlock, 0.0f);
  }

  // Rows [begin, end) of the outputs of one image of a group by one panel.
  void run_rows(const Bindings& bindings, const Group& group, std::size_t p, std::int64_t i,
                std::int64_t begin, std::int64_t end) const noexcept {
    const Panel& panel = panels_[p];
    const std::int64_t image = group.first_image + i;
    const auto outputs = half_blocks(panel, bindings, image, begin * g_.out_width);
    const float* source = image_.in_place
                              ? static_cast<const float*>(bindings.inputs[0]) + in_.offset(image, 0)
                              : group.gathered + i * image_floats_;
    // Behind the last panel: the next step's first.
    const std::int64_t lines = panel.size() * (1 + pairs_ * g_.taps());
    const std::int64_t part = lines * begin / g_.out_height;
    const bool has_next_image = i + 1 < group.images;
    bf16_.flat[panel.size() - 1](
        {.src = source + begin * image_.pitch * kChannelBlock,
         .src_stride = static_cast<long>(image_.plane_pixels * kChannelBlock),
         .tap_offset = tap_offsets_.data(),
         .taps = static_cast<int>(g_.taps()),
         .pairs = static_cast<int>(pairs_),
         .weight = panel.weight,
         .bias = panel.bias,
         .outputs = outputs.data(),
         .pixels = static_cast<int>((end - begin - 1) * image_.pitch + g_.out_width),
         .pitch = static_cast<int>(image_.pitch),
         .width = static_cast<int>(g_.out_width),
         .prefetch = reinterpret_cast<const char*>(panel.bias + (lines + part) * kChannelBlock),
         .prefetch_lines =
             has_next_image ? 0 : static_cast<int>(lines * end / g_.out_height - part)});
  }

  const Bf16Kernels& bf16_;
  ConvGeometry g_;
  FlatImage image_;
  BlockedTensor in_;
  std::int64_t pairs_;  // of channels in a sum
  std::vector<long> tap_offsets_;
  std::int64_t image_floats_ = 0;  // gathered
  std::int64_t group_images_ = 1, groups_ = 1;
  bool shares_groups_ = false;
  std::int64_t gathered_floats_ = 0, workspace_floats_ = 0;
  std::vector<Panel> panels_;
  std::int64_t chunks_ = 1;
};

class ConvFlat final : public Tactic {
 public:
  explicit ConvFlat(const Bf16Kernels& bf16)
      : bf16_(bf16), name_(fmt::format("cpu.conv.flat.bf16.{}", bf16.isa)) {}

  std::string_view name() const override { return name_; }

  Requirements requirements(const Region& region) const override {
    return requirements_in(region, kBlockedBf16);
  }

  std::optional<std::string> refuse(const Region& region) const override {
    if (auto reason = refuse_convs(region)) return reason;
    for (const Region::Node& node : region.nodes) {
      const ConvGeometry g = geometry_of(region, node);
      if (region.nodes.size() > 1 && !g.is_gemm()) return "siblings that are not 1x1";
      if (g.group != 1) return "it has groups";
      if (needs_too_much(g)) return "an image needs too much memory";
      if (g.images * g.out_height > ThreadPool::kMaxTasks / channel_blocks(g.outputs))
        return "too many images or rows";
    }
    return std::nullopt;
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<FlatStep>(bf16_, region, context);
  }

 private:
  // Factors below 2^31 and 2^24 are taken one by one, so that no product overflows.
  static bool needs_too_much(const ConvGeometry& g) {
    const FlatImage image(g);
    if (image.in_place) return g.in_plane() > std::numeric_limits<int>::max() / 2;
    std::int64_t left = kMostImageBytes / (kChannelBlock * size_of(DataType::kF32));
    for (const std::int64_t factor :
         {image.rows.phases, image.rows.length, image.columns.phases, image.columns.length,
          channel_blocks(g.channels, block_channels(kBlockedBf16.layout))}) {
      if (factor > left) return true;
      left /= factor;
    }
    return false;
  }

  const Bf16Kernels& bf16_;
  std::string name_;
};

}  // namespace

std::unique_ptr<const Tactic> make_conv_flat(const Bf16Kernels& bf16) {
  return std::make_unique<ConvFlat>(bf16);
}

}  // namespace kissa::cpu
