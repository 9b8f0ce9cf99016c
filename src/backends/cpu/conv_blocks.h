// The outputs of a region of convolutions as one list of blocks of 16 channels, and the panels that
// a micro-kernel computes at once: up to kMaxTileBlocks blocks in a row, whose weights lie
// together.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "backends/cpu/kernels/kernels.h"
#include "backends/tactic.h"

namespace kissa::cpu {

// Where a block is stored, and what is done to it before.
struct OutputBlock {
  const Region::Node* node;   // while preparing only
  std::int64_t first_output;  // the node's output channel in lane 0
  std::size_t binding;        // in Bindings::outputs
  std::int64_t offset;        // floats from the start of an image to the block
  std::int64_t image_stride;  // floats
  FinishRun finish;           // the epilogue; dst, residual and count unset
  bool needs_finish;          // false: a clamp, or nothing
  int residual;               // in Bindings::inputs; -1: none
  std::int64_t residual_stride;
};

// Of all nodes, in order. Outputs in kBlocked16.
std::vector<OutputBlock> output_blocks(const Region& region);

struct Panel {
  std::vector<OutputBlock> blocks;
  const float* bias = nullptr;    // of all blocks, zero where there is none
  const float* weight = nullptr;  // as the tactic packed it
  std::vector<float> low, high;   // GemmTile's
  bool clamp = false;
  bool needs_finish = false;

  int size() const { return static_cast<int>(blocks.size()); }
};

// Blocks a panel, `blocks` in all, that take the fewest cycles on `pixels` pixels, by a model of
// the micro-kernel.
std::vector<int> choose_panels(int blocks, std::int64_t pixels, const GemmKernels& kernels);

// Cuts `blocks` into panels of `sizes` and packs their weights into one piece of the arena in that
// order: `pack` writes floats_per_block * size floats for each.
using PackWeights = std::function<void(std::span<const OutputBlock> blocks, float* weight)>;
std::vector<Panel> pack_panels(const Region& region, std::span<const OutputBlock> blocks,
                               std::span<const int> sizes, std::int64_t floats_per_block,
                               const PackWeights& pack, WeightArena& arena);

// The weights of output channel `output` of a node's convolution: its channels (of a group) by
// taps.
const float* filter_of(const Region& region, const Region::Node& node, std::int64_t output);

// Packs in GemmTile's order, `channels` by `taps`; for convolutions of such filters.
void pack_filters(const Region& region, std::span<const OutputBlock> blocks, std::int64_t channels,
                  std::int64_t taps, float* weight);

// Where an image's block and pixel lie.
float* address_of(const OutputBlock& block, const Bindings& bindings, std::int64_t image,
                  std::int64_t pixel) noexcept;

// Applies what is left of a block's epilogue to `pixels` pixels that lie in place.
void finish(const Kernels& kernels, const OutputBlock& block, const Bindings& bindings,
            std::int64_t image, std::int64_t pixel, std::int64_t pixels) noexcept;

// Computes `pixels` pixels of a panel from `pixel` on. `tile` comes with its source, taps, weights
// and prefetch set.
void run_tile(const Kernels& kernels, const Panel& panel, const Bindings& bindings,
              std::int64_t image, std::int64_t pixel, int pixels, GemmTile& tile) noexcept;

}  // namespace kissa::cpu
