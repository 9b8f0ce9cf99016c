// What follows a tile, and what bounds it.
#pragma once

namespace kissa::cpu {

// What is left of an epilogue when a tile lies in dst, still in L1:
//   dst[i] = activation(dst[i] + residual[i]),
// with the activation max(x, 0) + slope * min(x, 0) where there is a slope, else
// clamp(x, low, high).
struct FinishRun {
  float* dst;
  const float* residual;  // null: none
  long count;             // a multiple of 16
  const float* slope;     // of the block's 16 channels; null: none
  float low;
  float high;
};

using FinishKernel = void (*)(const FinishRun&) noexcept;

// rounds * kPeakVecs products and sums of whole vectors, on registers alone: the peak that bounds
// every tile. Returns a value that depends on all of them.
inline constexpr int kPeakVecs = 12;
using PeakKernel = float (*)(long rounds) noexcept;

}  // namespace kissa::cpu
