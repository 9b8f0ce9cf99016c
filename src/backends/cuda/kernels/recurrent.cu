#include "backends/cuda/kernels/recurrent.h"

#include <cuda_runtime.h>

#include "backends/cuda/kernels/launch.cuh"

namespace kissa::cuda {
namespace {

__device__ float dot(const float* a, const float* b, std::int64_t count) {
  float sum = 0.0f;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

__device__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

template <class Body>
__device__ void each(std::int64_t count, Body&& body) {
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) body(i);
  __syncthreads();
}

__global__ void recurrent_kernel(const __grid_constant__ RecurrentShape s,
                                 const __grid_constant__ RecurrentData data) {
  const std::int64_t rows = s.is_lstm ? 4 * s.units : s.units;
  const std::int64_t units = s.units;
  for (std::int64_t n = blockIdx.x; n < s.streams; n += gridDim.x) {
    float* sums = data.workspace + n * (rows + 2 * units);
    float* h = sums + rows;
    float* c = h + units;
    each(units, [&](std::int64_t d) {
      h[d] = data.h != nullptr ? data.h[n * units + d] : 0.0f;
      c[d] = data.c != nullptr ? data.c[n * units + d] : 0.0f;
    });
    for (std::int64_t t = 0; t < s.steps; ++t) {
      const std::int64_t at = t * s.streams + n;
      const float cont = data.cont[at];
      float* out = data.y + at * units;
      each(units, [&](std::int64_t d) { h[d] *= cont; });
      each(rows, [&](std::int64_t r) {
        float sum = data.bias[r] + dot(data.weight_x + r * s.x, data.x + at * s.x, s.x);
        if (data.fixed != nullptr)
          sum += dot(data.weight_static + r * s.fixed, data.fixed + n * s.fixed, s.fixed);
        sums[r] = sum + dot(data.weight_h + r * units, h, units);
      });
      if (s.is_lstm) {
        each(units, [&](std::int64_t d) {
          const float forget = cont * sigmoid(sums[units + d]);
          c[d] = forget * c[d] + sigmoid(sums[d]) * tanhf(sums[3 * units + d]);
          h[d] = out[d] = sigmoid(sums[2 * units + d]) * tanhf(c[d]);
        });
      } else {
        each(units, [&](std::int64_t d) { h[d] = tanhf(sums[d]); });
        each(units, [&](std::int64_t d) {
          out[d] = tanhf(data.bias_o[d] + dot(data.weight_o + d * units, h, units));
        });
      }
    }
    each(units, [&](std::int64_t d) {
      if (data.h_out != nullptr) data.h_out[n * units + d] = h[d];
      if (data.c_out != nullptr) data.c_out[n * units + d] = c[d];
    });
  }
}

}  // namespace

void run_recurrent(const RecurrentShape& shape, const RecurrentData& data, cudaStream_t stream) {
  if (shape.streams == 0) return;
  recurrent_kernel<<<blocks_for(shape.streams, 1), kThreads, 0, stream>>>(shape, data);
}

}  // namespace kissa::cuda
