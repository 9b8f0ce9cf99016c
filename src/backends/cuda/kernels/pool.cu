#include "backends/cuda/kernels/pool.h"

#include <cuda_runtime.h>

#include <cfloat>

#include "backends/cuda/kernels/launch.cuh"

namespace kissa::cuda {
namespace {

// One axis of a window: its size clipped to the padded image, and its elements [begin, end) inside.
struct Span {
  std::int64_t size, begin, end;
};

__device__ Span span_at(std::int64_t place, std::int64_t kernel, std::int64_t stride,
                        std::int64_t pad, std::int64_t extent) {
  const std::int64_t begin = place * stride - pad;
  const std::int64_t end = min(begin + kernel, extent + pad);
  return {end - begin, max(begin, std::int64_t{0}), min(end, extent)};
}

__global__ void pool_kernel(PoolShape s, const float* x, float* y, float* mask) {
  const std::int64_t places = s.out_height * s.out_width;
  for_each(s.planes * places, [&](std::int64_t i) {
    const float* plane = x + i / places * s.height * s.width;
    const Span rows = span_at(i % places / s.out_width, s.kernel_h, s.stride_h, s.pad_h, s.height);
    const Span columns = span_at(i % s.out_width, s.kernel_w, s.stride_w, s.pad_w, s.width);
    float largest = -FLT_MAX;
    std::int64_t place = -1;
    double sum = 0.0;
    double squares = 0.0;
    for (std::int64_t h = rows.begin; h < rows.end; ++h) {
      for (std::int64_t w = columns.begin; w < columns.end; ++w) {
        const float value = plane[h * s.width + w];
        if (s.method != PoolShape::Method::kMax) {
          sum += value;
          squares += double{value} * value;
        } else if (value > largest) {
          largest = value;
          place = h * s.width + w;
        }
      }
    }
    switch (s.method) {
      case PoolShape::Method::kMax: y[i] = largest; break;
      case PoolShape::Method::kAverage:
        y[i] = static_cast<float>(sum / static_cast<double>(rows.size * columns.size));
        break;
      case PoolShape::Method::kStochastic:
        y[i] = sum > 0.0 ? static_cast<float>(squares / sum) : 0.0f;
        break;
    }
    if (mask != nullptr) mask[i] = static_cast<float>(place);
  });
}

__device__ float sum_across(const LrnShape& s, const float* x, std::int64_t i) {
  const std::int64_t plane = s.height * s.width;
  const std::int64_t c = i / plane % s.channels;
  const std::int64_t begin = max(c - s.reach, std::int64_t{0});
  const std::int64_t end = s.channels - c > s.reach ? c + s.reach + 1 : s.channels;
  float sum = 0.0f;
  for (std::int64_t d = begin; d < end; ++d) sum += x[i + (d - c) * plane] * x[i + (d - c) * plane];
  return sum;
}

__device__ float sum_within(const LrnShape& s, const float* x, std::int64_t i) {
  const std::int64_t h = i / s.width % s.height;
  const std::int64_t w = i % s.width;
  const std::int64_t last_h = s.height - h > s.reach ? h + s.reach + 1 : s.height;
  const std::int64_t last_w = s.width - w > s.reach ? w + s.reach + 1 : s.width;
  float sum = 0.0f;
  for (std::int64_t r = max(h - s.reach, std::int64_t{0}); r < last_h; ++r)
    for (std::int64_t q = max(w - s.reach, std::int64_t{0}); q < last_w; ++q) {
      const float value = x[i + (r - h) * s.width + q - w];
      sum += value * value;
    }
  return sum;
}

__global__ void lrn_kernel(LrnShape s, const float* x, float* y) {
  for_each(s.images * s.channels * s.height * s.width, [&](std::int64_t i) {
    const float sum = s.within_channel ? sum_within(s, x, i) : sum_across(s, x, i);
    y[i] = x[i] * powf(s.k + s.alpha * sum, -s.beta);
  });
}

}  // namespace

void run_pool(const PoolShape& shape, const float* x, float* y, float* mask, cudaStream_t stream) {
  const std::int64_t count = shape.planes * shape.out_height * shape.out_width;
  if (count == 0) return;
  pool_kernel<<<blocks_for(count), kThreads, 0, stream>>>(shape, x, y, mask);
}

void run_lrn(const LrnShape& shape, const float* x, float* y, cudaStream_t stream) {
  const std::int64_t count = shape.images * shape.channels * shape.height * shape.width;
  if (count == 0) return;
  lrn_kernel<<<blocks_for(count), kThreads, 0, stream>>>(shape, x, y);
}

}  // namespace kissa::cuda
