#include "backends/cuda/kernels/rows.h"

#include <cuda_runtime.h>

#include <cmath>

#include "backends/cuda/kernels/launch.cuh"

namespace kissa::cuda {
namespace {

__device__ std::int64_t first_of(const Rows& rows, std::int64_t row) {
  return row / rows.inner * rows.extent * rows.inner + row % rows.inner;
}

__device__ float block_max(float value) {
  __shared__ float parts[kThreads / 32];
  for (int lanes = 16; lanes > 0; lanes /= 2)
    value = max_of(value, __shfl_xor_sync(~0u, value, lanes));
  __syncthreads();
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
  __syncthreads();
  float largest = parts[0];
  for (const float part : parts) largest = max_of(largest, part);
  return largest;
}

__global__ void softmax_kernel(Rows rows, const float* x, float* y) {
  for (std::int64_t row = blockIdx.x; row < rows.outer * rows.inner; row += gridDim.x) {
    const std::int64_t first = first_of(rows, row);
    float largest = -INFINITY;
    for (std::int64_t k = threadIdx.x; k < rows.extent; k += kThreads)
      largest = max_of(largest, x[first + k * rows.inner]);
    largest = block_max(largest);
    float sum = 0.0f;
    for (std::int64_t k = threadIdx.x; k < rows.extent; k += kThreads)
      sum += expf(x[first + k * rows.inner] - largest);
    sum = block_sum(sum);
    for (std::int64_t k = threadIdx.x; k < rows.extent; k += kThreads)
      y[first + k * rows.inner] = expf(x[first + k * rows.inner] - largest) / sum;
  }
}

__global__ void row_sums_kernel(Rows rows, Term term, double factor, const float* x, float* y) {
  for (std::int64_t row = blockIdx.x; row < rows.outer; row += gridDim.x) {
    double sum = 0.0;
    for (std::int64_t k = threadIdx.x; k < rows.extent; k += kThreads) {
      const double value = x[row * rows.extent + k];
      sum += term == Term::kValue ? value : term == Term::kAbs ? fabs(value) : value * value;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) y[row] = static_cast<float>(factor * sum);
  }
}

__global__ void normalize_rows_kernel(Normalization s, const float* x, float* y) {
  for (std::int64_t row = blockIdx.x; row < s.rows; row += gridDim.x) {
    const std::int64_t first = row * s.extent;
    const auto each = [&](auto&& body) {
      for (std::int64_t part = 0; part < s.parts; ++part)
        for (std::int64_t i = threadIdx.x; i < s.extent; i += kThreads)
          body(first + part * s.stride + i);
    };
    const auto count = static_cast<double>(s.extent * s.parts);
    double sum = 0.0;
    each([&](std::int64_t i) { sum += x[i]; });
    const double mean = block_sum(sum) / count;
    double squares = 0.0;
    each([&](std::int64_t i) { squares += (x[i] - mean) * (x[i] - mean); });
    const double variance = block_sum(squares) / count;
    const double divisor = !s.has_variance ? 1.0
                           : s.eps_inside  ? sqrt(variance + s.eps)
                                           : sqrt(variance) + s.eps;
    each([&](std::int64_t i) { y[i] = static_cast<float>((x[i] - mean) / divisor); });
  }
}

struct Candidate {
  float value;
  std::int64_t place;  // -1: none
};

// Whether a stands before b: larger first, of equals the later one, NaN last.
__device__ bool stands_before(const Candidate& a, const Candidate& b) {
  if (b.place < 0) return true;
  if (isnan(a.value) != isnan(b.value)) return isnan(b.value);
  if (isnan(a.value) || a.value == b.value) return a.place > b.place;
  return a.value > b.value;
}

__device__ Candidate block_first(Candidate best) {
  __shared__ Candidate found[kThreads];
  __syncthreads();
  found[threadIdx.x] = best;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    const int other = static_cast<int>(threadIdx.x) + half;
    if (static_cast<int>(threadIdx.x) < half && found[other].place >= 0 &&
        stands_before(found[other], found[threadIdx.x]))
      found[threadIdx.x] = found[other];
  }
  __syncthreads();
  return found[0];
}

__global__ void argmax_kernel(ArgMaxShape s, const float* x, float* places, float* values) {
  for (std::int64_t row = blockIdx.x; row < s.rows.outer * s.rows.inner; row += gridDim.x) {
    const float* from = x + first_of(s.rows, row);
    float* const outputs[2] = {places, values};
    Candidate last = {0.0f, -1};
    for (std::int64_t k = 0; k < s.top_k; ++k) {
      Candidate best = {0.0f, -1};
      for (std::int64_t i = threadIdx.x; i < s.rows.extent; i += kThreads) {
        const Candidate next = {from[i * s.rows.inner], i};
        if ((last.place < 0 || stands_before(last, next)) && stands_before(next, best)) best = next;
      }
      last = block_first(best);
      if (threadIdx.x != 0) continue;
      const std::int64_t at =
          row / s.rows.inner * s.outer_stride + k * s.k_stride + row % s.rows.inner;
      if (outputs[0] != nullptr) outputs[0][at] = static_cast<float>(last.place);
      if (outputs[1] != nullptr) outputs[1][at] = last.value;
    }
  }
}

}  // namespace

void run_softmax(const Rows& rows, const float* x, float* y, cudaStream_t stream) {
  if (rows.outer * rows.inner * rows.extent == 0) return;
  softmax_kernel<<<blocks_for(rows.outer * rows.inner, 1), kThreads, 0, stream>>>(rows, x, y);
}

void run_row_sums(const Rows& rows, Term term, double factor, const float* x, float* y,
                  cudaStream_t stream) {
  if (rows.outer == 0) return;
  row_sums_kernel<<<blocks_for(rows.outer, 1), kThreads, 0, stream>>>(rows, term, factor, x, y);
}

void run_normalize_rows(const Normalization& shape, const float* x, float* y, cudaStream_t stream) {
  if (shape.rows * shape.extent * shape.parts == 0) return;
  normalize_rows_kernel<<<blocks_for(shape.rows, 1), kThreads, 0, stream>>>(shape, x, y);
}

void run_argmax(const ArgMaxShape& shape, const float* x, float* places, float* values,
                cudaStream_t stream) {
  if (shape.rows.outer * shape.rows.inner == 0) return;
  argmax_kernel<<<blocks_for(shape.rows.outer * shape.rows.inner, 1), kThreads, 0, stream>>>(
      shape, x, places, values);
}

}  // namespace kissa::cuda
