// What NHWC networks have besides convolutions. Strides are elements from pixel to pixel; sums are
// FP32.
#pragma once

#include <driver_types.h>

#include <cstdint>

#include "backends/cuda/kernels/number.h"

namespace kissa::cuda {

// LRN across channels: x (k + alpha s)^-beta, s the sum of squares of `reach` channels on each side
// and the own.
struct LrnParameters {
  int reach;  // 0: no LRN
  float k, alpha, beta;
};

// Pooling, and LRN before or after it; or LRN alone, with a window of 1.
struct WindowOp {
  const void* src;
  void* dst;
  int src_stride, dst_stride;
  int images, channels, height, width;
  int out_height, out_width;
  int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
  bool is_average;
  bool lrn_first;
  LrnParameters lrn;
  Number number;
};
inline constexpr int kMaxLrnReach = 8;
void launch_window_op(const WindowOp& op, cudaStream_t stream);

// y (images x outputs, FP32 row-major) = W x + bias, x one pixel an image.
struct Classifier {
  const void* src;
  float* dst;
  const void* weight;  // outputs x chunks words, halves or floats
  const float* bias;
  int src_stride;
  int images, chunks, outputs;  // chunks of 16 bytes
  float low, high;
  Number number;
};
void launch_classifier(const Classifier& op, cudaStream_t stream);

// Of FP32 rows that a kernel before has written.
struct SoftmaxRows {
  const float* src;
  float* dst;
  int rows, extent;
};
void launch_softmax_rows(const SoftmaxRows& op, cudaStream_t stream);

// Between FP32 row-major and NHWC; padding lanes become zero.
struct Reorder {
  const void* src;
  void* dst;
  int images, channels, padded_channels, plane, pixel_stride;
  Number number;
};
void launch_to_nhwc(const Reorder& op, cudaStream_t stream);
void launch_from_nhwc(const Reorder& op, cudaStream_t stream);

}  // namespace kissa::cuda
