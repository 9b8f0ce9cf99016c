// Halves of blocks: 16 channels of tensors in blocks of 32 channels of 16 bits, for kernels that
// compute in FP32. Pixels of a half stand 16 floats apart, as those of FP32 blocks do.
#pragma once

namespace kissa::cpu {

// 16 outputs of a convolution.
struct HalfBlock {
  float* dst;             // of the first pixel
  const float* residual;  // added before the activation, laid out as dst; null: none
  float low, high;        // the activation: clamp(x, low, high), or
  const float* slope;     // max(x, 0) + slope * min(x, 0), of each of the 16; null: none
  bool is_last;           // the block's other half has no channels and becomes zero
};

// Pixels of an image, and where they lie: in FP32 neighbours of a row stand 16 floats apart.
struct PixelRows {
  long rows, columns;
  long half_step;  // floats from one pixel of a row to the next, in 16 bits
  long half_row;   // floats from one row to the next
  long wide_row;   // the same in FP32
};
constexpr PixelRows one_row(long pixels, long half_step = 16) {
  return {.rows = 1, .columns = pixels, .half_step = half_step, .half_row = 0, .wide_row = 0};
}

struct HalfKernels {
  // dst: the pixels as FP32.
  void (*widen)(const float* half, float* dst, const PixelRows& pixels) noexcept;
  // Rounds and stores the pixels of `sums`.
  void (*store)(const HalfBlock& half, const float* sums, const PixelRows& pixels) noexcept;
};

// visit(half, wide): the places of each pixel, in floats.
template <class Visit>
[[gnu::always_inline]] inline void for_each_pixel(const PixelRows& pixels, const Visit& visit) {
  for (long y = 0; y < pixels.rows; ++y)
    for (long x = 0; x < pixels.columns; ++x)
      visit(y * pixels.half_row + x * pixels.half_step, y * pixels.wide_row + x * 16);
}

// `count` numbers of FP16, a multiple of 16, as FP32.
using WidenWeights = void (*)(const float* src, long count, float* dst) noexcept;

}  // namespace kissa::cpu
