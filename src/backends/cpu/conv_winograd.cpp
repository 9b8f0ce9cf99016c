// Winograd's convolution of stride 1, fused: of a group of tiles, whose points fit into L2,
//   V[point][channels][tile] = B^T d B of every tile,                      (P * P, C, tiles)
//   panel by panel of outputs: M[point][tile][outputs] = V[point] * U[point], (P * P, tiles, m *
//   16) and Y = A^T M A with the epilogue, while M is in L1 and L2.
// Tiles over an edge of the image are gathered into a patch of zeros first, those of 16 bits
// always. FP16 weights are widened point by point.
//
// Where there are groups enough, each is one task with V and M of its own. Otherwise all threads
// share the V of one group after the other, and then the panels.
#include "backends/cpu/conv_winograd.h"

#include <algorithm>
#include <array>

#include "backends/cpu/conv_bf16.h"
#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

// Two full tiles of products: with fewer, weights from memory bound the products.
constexpr std::int64_t kLeastGroup = 28;
// Tiles that each thread should find, before it is given groups of its own, for which it reads all
// weights.
constexpr std::int64_t kLeastPrivate = 24;
// Bytes of them below which a third of the tiles will do.
constexpr std::int64_t kFewWeights = 600 << 10;

class WinogradStep final : public Step {
 public:
  WinogradStep(const WinogradForm& form, const Kernels& kernels, const Region& region,
               const PrepareContext& context)
      : kernels_(kernels),
        storage_(form.storage),
        bf16_(form.products),
        gemm_(bf16_ != nullptr ? bf16_->products : kernels.gemm),
        kind_(form.kind),
        g_(geometry_of(region, region.nodes[0])),
        in_(region.in(0).desc),
        steps_(bf16_ != nullptr ? pairs_of(g_.channels, *bf16_) : g_.channels) {
    const std::int64_t m = sizes().outputs;
    columns_ = divide_up(g_.out_width, m);
    image_tiles_ = divide_up(g_.out_height, m) * columns_;
    const std::int64_t points = sizes().points * sizes().points;
    cut_into_groups(context.threads, points);

    const std::vector<OutputBlock> blocks = output_blocks(region);
    const auto panel_sizes = choose_panels(static_cast<int>(blocks.size()), group_tiles_, gemm_);
    panels_ = pack_panels(
        region, storage_, blocks, panel_sizes, points * steps_ * kChannelBlock,
        [&](std::span<const OutputBlock> of_panel, float* weight) {
          pack(region, of_panel, weight);
        },
        context.weights);

    products_ = {.kind = kind_,
                 .points = static_cast<int>(points),
                 .channels = static_cast<int>(steps_),
                 .stride = group_tiles_,
                 .v_point = channel_blocks(steps_) * group_tiles_ * kChannelBlock + kPointGap,
                 .m_point = panels_[0].size() * group_tiles_ * kChannelBlock + kPointGap,
                 .scales = scales_of(kind_, storage_.weights)};
    v_floats_ = points * products_.v_point;
    m_floats_ = points * products_.m_point;
    if (storage_.weights != DataType::kF32) u_floats_ = steps_ * panels_[0].size() * kChannelBlock;
    chunks_ =
        pieces_for(std::ssize(panels_),
                   divide_up(group_tiles_, gemm_.pixels[panels_[0].size() - 1]), context.threads);
    workspace_floats_ =
        (shares_v_ ? 1 : context.threads) * v_floats_ + context.threads * (m_floats_ + u_floats_);
  }

  std::int64_t workspace_bytes() const override {
    return workspace_floats_ * size_of(DataType::kF32);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    if (shares_v_)
      run_shared(bindings, pool_of(stream));
    else
      run_private(bindings, pool_of(stream));
  }

 private:
  WinogradSizes sizes() const { return kWinogradSizes[kind_]; }

  void pack(const Region& region, std::span<const OutputBlock> blocks, float* weight) const {
    if (bf16_ == nullptr) {
      pack_winograd(kind_, blocks, g_.channels, taps_of(region), scales_of(kind_, storage_.weights),
                    weight);
      return;
    }
    const std::int64_t points = sizes().points * sizes().points;
    const std::int64_t row = std::ssize(blocks) * kChannelBlock;
    std::vector<float> rows(static_cast<std::size_t>(points * g_.channels * row));
    pack_winograd(kind_, blocks, g_.channels, taps_of(region), scales_of(kind_, storage_.weights),
                  rows.data());
    for (std::int64_t i = 0; i < points; ++i)
      to_pairs(rows.data() + i * g_.channels * row, g_.channels, row, steps_,
               weight + i * steps_ * row);
  }

  void cut_into_groups(std::int64_t threads, std::int64_t points) {
    const std::int64_t tiles = g_.images * image_tiles_;
    const std::int64_t tile_bytes =
        points * channel_blocks(steps_) * kChannelBlock * size_of(DataType::kF32);
    const std::int64_t most = std::max(group_bytes() / tile_bytes, kLeastGroup);
    groups_ = divide_up(tiles, most);
    const std::int64_t weight_bytes = points * steps_ * g_.outputs * size_of(storage_.weights);
    const std::int64_t least = weight_bytes <= kFewWeights ? kLeastPrivate / 3 : kLeastPrivate;
    shares_v_ = threads > 1 && tiles < least * threads;
    if (!shares_v_) groups_ = std::min(divide_up(groups_, threads) * threads, tiles);
    group_tiles_ = divide_up(tiles, groups_);
  }

  std::int64_t tiles_of(std::int64_t group) const {
    return std::min(group_tiles_, g_.images * image_tiles_ - group * group_tiles_);
  }

  void run_private(const Bindings& bindings, ThreadPool& pool) const noexcept {
    pool.run(static_cast<int>(groups_), [&](int group, int worker) {
      float* v =
          static_cast<float*>(bindings.workspace) + worker * (v_floats_ + m_floats_ + u_floats_);
      const std::int64_t count = tiles_of(group);
      transform_inputs(bindings, group, 0, channel_blocks(g_.channels) * count, v);
      for (const Panel& panel : panels_)
        run_panel(bindings, panel, group, v, v + v_floats_, 0, count);
    });
  }

  void run_shared(const Bindings& bindings, ThreadPool& pool) const noexcept {
    auto* v = static_cast<float*>(bindings.workspace);
    for (std::int64_t group = 0; group < groups_; ++group) {
      const std::int64_t count = tiles_of(group);
      const std::int64_t units = channel_blocks(g_.channels) * count;
      const std::int64_t pieces = std::min<std::int64_t>(8 * pool.threads(), units);
      pool.run(static_cast<int>(pieces), [&](int piece, int) {
        transform_inputs(bindings, group, units * piece / pieces, units * (piece + 1) / pieces, v);
      });
      const auto tasks = static_cast<int>(std::ssize(panels_) * chunks_);
      pool.run(tasks, [&](int task, int worker) {
        const std::int64_t chunk = task % chunks_;
        const std::int64_t first = count * chunk / chunks_;
        run_panel(bindings, panels_[static_cast<std::size_t>(task / chunks_)], group, v,
                  v + v_floats_ + worker * (m_floats_ + u_floats_), first,
                  count * (chunk + 1) / chunks_ - first);
      });
    }
  }

  // Units [begin, end) of a group's V: tiles of one block of channels after the other.
  void transform_inputs(const Bindings& bindings, std::int64_t group, std::int64_t begin,
                        std::int64_t end, float* v) const noexcept {
    const std::int64_t count = tiles_of(group);
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t tile = unit % count;
      transform_input(bindings, group * group_tiles_ + tile, unit / count,
                      v + place_in_v(unit / count, tile));
    }
  }

  // Of a block of 16 channels: floats, or half of a block of pairs.
  std::int64_t place_in_v(std::int64_t block, std::int64_t tile) const noexcept {
    if (bf16_ == nullptr) return (block * group_tiles_ + tile) * kChannelBlock;
    return (block / 2 * group_tiles_ + tile) * kChannelBlock + block % 2 * (kChannelBlock / 2);
  }

  void transform_input(const Bindings& bindings, std::int64_t tile, std::int64_t block,
                       float* v) const noexcept {
    const std::int64_t p = sizes().points;
    const std::int64_t y = tile % image_tiles_ / columns_ * sizes().outputs - g_.pad_h;
    const std::int64_t x = tile % columns_ * sizes().outputs - g_.pad_w;
    // Of 16 channels: a block, or half of one in BF16.
    const std::int64_t stored = in_.block_channels / kChannelBlock;
    const float* plane = static_cast<const float*>(bindings.inputs[0]) +
                         in_.offset(tile / image_tiles_, block / stored) +
                         block % stored * (kChannelBlock / 2);
    const bool is_inside = y >= 0 && x >= 0 && y + p <= g_.height && x + p <= g_.width;
    alignas(64) std::array<float, kMaxWinogradPoints * kMaxWinogradPoints * kChannelBlock> patch;
    WinogradInput input = {.src = plane + (y * g_.width + x) * kChannelBlock,
                           .row_stride = static_cast<long>(g_.width * kChannelBlock),
                           .dst = v,
                           .point_stride = static_cast<long>(products_.v_point)};
    if (storage_.halves != nullptr || !is_inside) {
      gather(plane, y, x, patch.data());
      input.src = patch.data();
      input.row_stride = static_cast<long>(p * kChannelBlock);
    }
    if (bf16_ == nullptr) {
      kernels_.winograd.input[kind_](input);
      return;
    }
    bf16_->winograd_input(input);
    // A last block that has no second half: products read its pairs where they take whole blocks.
    if (block % 2 == 0 && block + 1 == channel_blocks(g_.channels))
      for (std::int64_t i = 0; i < p * p; ++i)
        std::fill_n(v + i * products_.v_point + kChannelBlock / 2, kChannelBlock / 2, 0.0f);
  }

  // The P x P pixels from (y, x) on in FP32, zero outside of the image.
  void gather(const float* plane, std::int64_t y, std::int64_t x, float* patch) const noexcept {
    const std::int64_t p = sizes().points;
    const std::int64_t left = std::max<std::int64_t>(x, 0);
    const std::int64_t right = std::min(x + p, g_.width);
    const std::int64_t top = std::max<std::int64_t>(y, 0);
    const std::int64_t bottom = std::min(y + p, g_.height);
    if (right - left < p || bottom - top < p) std::fill_n(patch, p * p * kChannelBlock, 0.0f);
    if (left >= right || top >= bottom) return;
    const float* from = plane + (top * g_.width + left) * kChannelBlock;
    float* to = patch + ((top - y) * p + left - x) * kChannelBlock;
    if (storage_.halves != nullptr) {
      storage_.halves->widen(from, to,
                             {.rows = static_cast<long>(bottom - top),
                              .columns = static_cast<long>(right - left),
                              .half_step = kChannelBlock,
                              .half_row = static_cast<long>(g_.width * kChannelBlock),
                              .wide_row = static_cast<long>(p * kChannelBlock)});
      return;
    }
    for (std::int64_t row = top; row < bottom; ++row)
      std::copy_n(from + (row - top) * g_.width * kChannelBlock, (right - left) * kChannelBlock,
                  to + (row - top) * p * kChannelBlock);
  }

  void run_panel(const Bindings& bindings, const Panel& panel, std::int64_t group, const float* v,
                 float* m, std::int64_t first, std::int64_t count) const noexcept {
    run_products(kernels_, gemm_, products_, panel, v, m, m + m_floats_, first, count);
    for (std::size_t j = 0; j < panel.blocks.size(); ++j) {
      const float* block = m + static_cast<std::int64_t>(j) * group_tiles_ * kChannelBlock;
      for (std::int64_t i = first; i < first + count; ++i) {
        const std::int64_t tile = group * group_tiles_ + i;
        store_outputs(kernels_, products_, panel, j, block + i * kChannelBlock, g_, bindings,
                      tile / image_tiles_, tile % image_tiles_ / columns_ * sizes().outputs,
                      tile % columns_ * sizes().outputs);
      }
    }
  }

  const Kernels& kernels_;
  ConvStorage storage_;
  const Bf16Kernels* bf16_;  // of the products; null: FP32
  const GemmKernels& gemm_;
  WinogradKind kind_;
  ConvGeometry g_;
  BlockedTensor in_;
  std::int64_t steps_;                          // of a sum: channels, or pairs of them
  std::int64_t columns_ = 0, image_tiles_ = 0;  // of an image: tiles in a row, and in all
  std::int64_t groups_ = 0, group_tiles_ = 0;
  bool shares_v_ = false;
  std::int64_t chunks_ = 1;
  std::vector<Panel> panels_;
  WinogradProducts products_ = {};
  std::int64_t v_floats_ = 0, m_floats_ = 0, workspace_floats_ = 0;
  std::int64_t u_floats_ = 0;  // weights of a panel and point, widened
};

std::optional<std::string> refuse_winograd(WinogradKind kind, std::int64_t least_tiles,
                                           const Region& region) {
  if (region.nodes.size() != 1) return "runs one convolution at a time";
  if (auto reason = refuse_convs(region)) return reason;
  const ConvGeometry g = geometry_of(region, region.nodes[0]);
  const WinogradSizes sizes = kWinogradSizes[kind];
  if (g.kernel_h != sizes.taps || g.kernel_w != sizes.taps)
    return fmt::format("not {}x{}", sizes.taps, sizes.taps);
  if (g.is_strided() || g.is_dilated()) return "it has strides or dilation";
  if (g.group != 1) return "it has groups";
  const std::int64_t tiles =
      g.images * divide_up(g.out_height, sizes.outputs) * divide_up(g.out_width, sizes.outputs);
  if (tiles < least_tiles) return "too few tiles to pay for its weights";
  if (tiles > ThreadPool::kMaxTasks) return "too many tiles";
  return std::nullopt;
}

class ConvWinograd final : public BlockedTactic {
 public:
  ConvWinograd(const WinogradForm& form, const Kernels& kernels)
      : BlockedTactic(fmt::format("cpu.conv.winograd_{}", form.name), kernels, form.storage.type,
                      form.storage.isa),
        form_(form) {}

  std::optional<std::string> refuse(const Region& region) const override {
    return refuse_winograd(form_.kind, form_.least_tiles, region);
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<WinogradStep>(form_, kernels(), region, context);
  }

 private:
  WinogradForm form_;
};

}  // namespace

std::unique_ptr<const Tactic> make_conv_winograd(const WinogradForm& form, const Kernels& kernels) {
  return std::make_unique<ConvWinograd>(form, kernels);
}

}  // namespace kissa::cpu
