// A matrix product with packed weights: y (M x N) = x (M x K) w (K x N) + bias.
#pragma once

#include <cstdint>

#include "backends/cpu/kernels/activation.h"

namespace kissa::cpu {

// One panel: `panel` neighbouring outputs (InnerProductKernels) of some rows.
struct InnerProductTile {
  const float* src;
  std::int64_t src_row;   // floats from one row to the next
  std::int64_t rows;      // at most kInnerProductRows
  std::int64_t depth;     // K
  const float* weight;    // K x panel, in 16 bits half as many floats
  const float* bias;      // panel
  const float* residual;  // added before the activation, laid out as dst; null: none
  float* dst;
  std::int64_t dst_row;
  int outputs;  // of the panel that are stored, 1 to panel
  ActivationParams activation;
};

inline constexpr int kInnerProductRows = 48;

// Weights in BF16 stand in pairs in the place of floats: lane i of vector v of a row holds those of
// outputs 2 v lanes + i (lower half) and (2 v + 1) lanes + i. Those in FP16 stand one after the
// other. They are widened, and everything else is FP32.
struct InnerProductKernels {
  int panel;
  void (*run)(const InnerProductTile& tile) noexcept;
  void (*run_bf16)(const InnerProductTile& tile) noexcept;
  void (*run_fp16)(const InnerProductTile& tile) noexcept;
};

}  // namespace kissa::cpu
