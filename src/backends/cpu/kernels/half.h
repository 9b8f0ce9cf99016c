// Halves of blocks: 16 channels of tensors in blocks of 32 channels of 16 bits, for kernels that
// compute in FP32. Pixels of a half stand 16 floats apart, as those of FP32 blocks do.
#pragma once

namespace kissa::cpu {

// 16 outputs of a convolution.
struct HalfBlock {
  float* dst;             // of the first pixel
  const float* residual;  // added before the activation, laid out as dst; null: none
  float low, high;        // the activation: clamp(x, low, high), or
  bool leaky;             // max(x, 0) + slope * min(x, 0)
  float slope;
  bool is_last;  // the block's other half has no channels and becomes zero
};

struct HalfKernels {
  // dst[i][0..16): the pixel at half + i * step, as FP32.
  void (*widen)(const float* half, long step, float* dst, long pixels) noexcept;
  // Rounds and stores pixels from sums[i][0..16).
  void (*store)(const HalfBlock& half, const float* sums, long pixels) noexcept;
};

// dst[i] = src[i] * factor, of `count` numbers in FP16, a multiple of 16.
using WidenWeights = void (*)(const float* src, float factor, long count, float* dst) noexcept;

}  // namespace kissa::cpu
