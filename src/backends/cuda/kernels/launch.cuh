// How the plain kernels spread `count` items over a grid.
#pragma once

#include <cstdint>

namespace kissa::cuda {

inline constexpr int kThreads = 256;
inline constexpr std::int64_t kMaxBlocks = 1 << 20;

inline unsigned blocks_for(std::int64_t count, std::int64_t each = kThreads) {
  const std::int64_t blocks = (count + each - 1) / each;
  return static_cast<unsigned>(blocks < kMaxBlocks ? blocks : kMaxBlocks);
}

// Calls body(i) for every i in [0, count), spread over all threads.
template <class Body>
__device__ void for_each(std::int64_t count, Body&& body) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step)
    body(i);
}

// std::max and std::min, which decide what becomes of NaN as the references do.
__device__ inline float max_of(float a, float b) { return a < b ? b : a; }
__device__ inline float min_of(float a, float b) { return b < a ? b : a; }

// The sum over a block of 256 threads, in all of them.
template <class T>
__device__ T block_sum(T value) {
  __shared__ T sums[kThreads / 32];
  for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(~0u, value, lanes);
  __syncthreads();
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
  __syncthreads();
  T sum = 0;
  for (const T part : sums) sum += part;
  return sum;
}

}  // namespace kissa::cuda
