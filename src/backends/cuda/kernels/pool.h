// Pooling and LRN of N, C, H, W, FP32, row-major.
#pragma once

#include <driver_types.h>

#include <cstdint>

namespace kissa::cuda {

struct PoolShape {
  enum class Method { kMax, kAverage, kStochastic } method;
  std::int64_t planes;
  std::int64_t height, width;
  std::int64_t out_height, out_width;
  std::int64_t kernel_h, kernel_w;
  std::int64_t stride_h, stride_w;
  std::int64_t pad_h, pad_w;
};
// `mask`: the places of the maxima, or null.
void run_pool(const PoolShape& shape, const float* x, float* y, float* mask, cudaStream_t stream);

// y = x (k + alpha s)^-beta, s the sum of squares over the elements within `reach`: of channels, or
// of places in the plane where within_channel.
struct LrnShape {
  bool within_channel;
  std::int64_t images, channels, height, width;
  std::int64_t reach;
  float k, alpha, beta;
};
void run_lrn(const LrnShape& shape, const float* x, float* y, cudaStream_t stream);

}  // namespace kissa::cuda
