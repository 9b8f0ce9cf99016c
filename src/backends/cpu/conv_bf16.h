// Weights of BF16 kernels: pairs of neighbouring channels in the place of floats (kernels/bf16.h).
#pragma once

#include <cstdint>
#include <string>

#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/kernels/bf16.h"

namespace kissa::cpu {

// Pairs that stand for so many channels.
constexpr std::int64_t pairs_of(std::int64_t channels, const Bf16Kernels& kernels) {
  const std::int64_t unit = 2 * kernels.pairs_multiple;
  return (channels + unit - 1) / unit * kernels.pairs_multiple;
}

// Rounds `channels` rows of `row` floats to nearest even: `count` rows of pairs, zeros where there
// is no channel.
void to_pairs(const float* rows, std::int64_t channels, std::int64_t row, std::int64_t count,
              float* pairs);

}  // namespace kissa::cpu
