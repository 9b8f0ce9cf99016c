// Weights of 16 bits: in BF16 pairs of neighbouring channels in the place of floats
// (kernels/bf16.h), in FP16 one after the other.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "backends/cpu/conv_blocks.h"
#include "backends/cpu/kernels/bf16.h"
#include "base/bf16.h"

namespace kissa::cpu {

// Pairs that stand for so many channels.
constexpr std::int64_t pairs_of(std::int64_t channels, const Bf16Kernels& kernels) {
  const std::int64_t unit = 2 * kernels.pairs_multiple;
  return (channels + unit - 1) / unit * kernels.pairs_multiple;
}

// Two channels' values, rounded to nearest even.
inline float to_pair(float low, float high) {
  return std::bit_cast<float>(std::uint32_t{to_bf16(high)} << 16 | to_bf16(low));
}

// The sizes of FlatConv's panels for so many halves of blocks.
inline std::vector<int> flat_panels(std::size_t blocks) {
  std::vector<int> sizes(blocks / kMaxFlatBlocks, kMaxFlatBlocks);
  if (blocks % kMaxFlatBlocks != 0) sizes.push_back(1);
  return sizes;
}

// A panel's FlatConv::outputs from an image's `pixel` on.
inline std::array<HalfBlock, kMaxFlatBlocks> half_blocks(const Panel& panel,
                                                         const Bindings& bindings,
                                                         std::int64_t image,
                                                         std::int64_t pixel) noexcept {
  std::array<HalfBlock, kMaxFlatBlocks> halves;
  for (std::size_t j = 0; j < panel.blocks.size(); ++j)
    halves[j] = half_block(panel.blocks[j], bindings, image, pixel);
  return halves;
}

// Rounds `channels` rows of `row` floats to nearest even: `count` rows of pairs, zeros where there
// is no channel.
void to_pairs(const float* rows, std::int64_t channels, std::int64_t row, std::int64_t count,
              float* pairs);

// Rounds to nearest even; half as many floats.
void to_fp16(const std::vector<float>& values, float* halves);

}  // namespace kissa::cpu
