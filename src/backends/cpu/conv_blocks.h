// The outputs of a region of convolutions as one list of blocks of 16 channels (in 16 bits half of
// a stored block), and the panels that a micro-kernel computes at once: up to kMaxTileBlocks blocks
// in a row, whose weights lie together.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "backends/cpu/conv_storage.h"
#include "backends/tactic.h"

namespace kissa::cpu {

// Where a block is stored, and what is done to it before.
struct OutputBlock {
  const Region::Node* node;   // while preparing only
  std::int64_t first_output;  // the node's output channel in lane 0
  std::size_t binding;        // in Bindings::outputs
  std::int64_t offset;        // floats from the start of an image to the block
  std::int64_t image_stride;  // floats
  FinishRun finish;           // the epilogue; dst, residual and count unset, slope when packed
  bool is_leaky;              // has slopes
  bool needs_finish;          // false: a clamp, or nothing
  int residual;               // in Bindings::inputs; -1: none
  std::int64_t residual_stride;
  bool is_last;  // of its node
};

// Of all nodes, in order. Outputs in blocks of any type.
std::vector<OutputBlock> output_blocks(const Region& region);

struct Panel {
  std::vector<OutputBlock> blocks;
  const float* bias = nullptr;    // of all blocks, zero where there is none
  const float* weight = nullptr;  // as the tactic packed it; in FP16, half as many floats
  std::int64_t lines = 0;         // of 64 bytes, with bias and slopes; the next panel lies behind
  ConvStorage storage = {};
  std::vector<float> low, high;  // GemmTile's
  bool clamp = false;
  bool needs_finish = false;

  int size() const { return static_cast<int>(blocks.size()); }
};

// Blocks a panel, `blocks` in all, that take the fewest cycles on `pixels` pixels, by a model of
// the micro-kernel.
std::vector<int> choose_panels(int blocks, std::int64_t pixels, const GemmKernels& kernels);

// Cuts `blocks` into panels of `sizes` and packs their weights into one piece of the arena in that
// order: `pack` writes floats_per_block * size floats for each, which are stored as `storage` says.
using PackWeights = std::function<void(std::span<const OutputBlock> blocks, float* weight)>;
std::vector<Panel> pack_panels(const Region& region, const ConvStorage& storage,
                               std::span<const OutputBlock> blocks, std::span<const int> sizes,
                               std::int64_t floats_per_block, const PackWeights& pack,
                               WeightArena& arena);

// `count` weights of a panel from the first-th on, for so many tiles of `gemm`: sets tile.weight
// and returns what runs the tiles. FP16 is read by each of few tiles, or widened to `scratch` for
// many.
const GemmKernels& set_weights(const Kernels& kernels, const GemmKernels& gemm, const Panel& panel,
                               std::int64_t first, std::int64_t count, std::int64_t tiles,
                               float* scratch, GemmTile& tile) noexcept;

// The taps that lead from a channel to a lane of a block; null where there are none.
using FindTaps =
    std::function<const float*(const OutputBlock& block, std::int64_t lane, std::int64_t channel)>;
// Of convolutions without groups.
FindTaps taps_of(const Region& region);

// Packs `channels` by `taps` in GemmTile's order.
void pack_filters(std::span<const OutputBlock> blocks, std::int64_t channels, std::int64_t taps,
                  const FindTaps& find, float* weight);

// Where an image's block and pixel lie.
float* address_of(const OutputBlock& block, const Bindings& bindings, std::int64_t image,
                  std::int64_t pixel) noexcept;

// The same as kernels of 16 bits want it, with its epilogue.
HalfBlock half_block(const OutputBlock& block, const Bindings& bindings, std::int64_t image,
                     std::int64_t pixel) noexcept;

// Applies what is left of a block's epilogue to `pixels` pixels that lie in place.
void finish(const Kernels& kernels, const OutputBlock& block, const Bindings& bindings,
            std::int64_t image, std::int64_t pixel, std::int64_t pixels) noexcept;

// Computes `pixels` pixels of a panel from `pixel` on by one of kernels.gemm and kernels.planar.
// `tile` comes with its source, weights, taps and prefetch set.
void run_tile(const Kernels& kernels, const GemmKernels& gemm, const Panel& panel,
              const Bindings& bindings, std::int64_t image, std::int64_t pixel, int pixels,
              GemmTile& tile) noexcept;

// Lets `tile` prefetch the slice-th of `slices` slices of `lines` lines (64 bytes) from `data` on.
void set_prefetch(GemmTile& tile, const void* data, std::int64_t lines, std::int64_t slice,
                  std::int64_t slices) noexcept;

// The fewest pieces, at most `most`, to cut each of `count` equal tasks into, so that `threads`
// threads end at about the same time.
std::int64_t pieces_for(std::int64_t count, std::int64_t most, std::int64_t threads);

// What a tactic keeps in a core's L2 between passes of the weights: half of it.
std::int64_t group_bytes();

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace kissa::cpu
