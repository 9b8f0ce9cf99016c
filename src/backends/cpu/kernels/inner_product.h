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
  const float* weight;    // K x panel
  const float* bias;      // panel
  const float* residual;  // added before the activation, laid out as dst; null: none
  float* dst;
  std::int64_t dst_row;
  int outputs;  // of the panel that are stored, 1 to panel
  ActivationParams activation;
};

inline constexpr int kInnerProductRows = 48;

struct InnerProductKernels {
  int panel;
  void (*run)(const InnerProductTile& tile) noexcept;
};

}  // namespace kissa::cpu
