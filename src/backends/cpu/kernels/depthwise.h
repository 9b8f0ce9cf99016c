// Depthwise convolution: each channel by a filter of its own.
#pragma once

namespace kissa::cpu {

// One row of outputs of one block of channels.
//   dst[q * 16 + l] = clamp(bias[l] + sum over r, s of
//       row[r][(q * stride - pad + s * dilation) * 16 + l] * weight[(r * columns + s) * 16 + l])
// over the taps that lie inside the image.
struct DepthwiseRow {
  const float* const* row;  // `rows` rows of the image, null where outside
  int rows, columns;        // taps
  long width;               // of the image
  long stride, pad, dilation;
  const float* weight;
  const float* bias;
  float low, high;
  float* dst;
  long pixels;  // outputs
};

using DepthwiseKernel = void (*)(const DepthwiseRow&) noexcept;

}  // namespace kissa::cpu
