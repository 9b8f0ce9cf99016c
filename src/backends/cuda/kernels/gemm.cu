// c (m x n) = a (m x k) b in FP32 by tiles of 64 x 64: a block of 256 threads walks k in steps of
// 16; each thread keeps 4 x 4 sums, and holds the next step's elements in registers while the
// present one, in shared memory, is multiplied. Few rows go by one warp an output instead, which
// reads each weight once.
#include "backends/cuda/kernels/gemm.h"

#include <cuda_runtime.h>

#include "backends/cuda/kernels/launch.cuh"

namespace kissa::cuda {
namespace {

constexpr int kTile = 64;   // tile_m and tile_n
constexpr int kDepth = 16;  // tile_k
constexpr int kEach = 4;    // rows and columns of a thread

// Elements of a kDepth x kTile tile that a thread brings.
constexpr int kLoads = kDepth * kTile / kThreads;

// Where the i-th element that this thread brings lies in the tile. `along_k`: neighbours in memory
// are neighbours in k.
template <bool along_k>
__device__ void place_in_tile(int i, int& k, int& column) {
  const int at = i * kThreads + static_cast<int>(threadIdx.x);
  k = along_k ? at % kDepth : at / kTile;
  column = along_k ? at / kDepth : at % kTile;
}

// Of a matrix of `columns` columns (rows of memory where along_k), the elements of one tile.
template <bool along_k>
__device__ void load_tile(const float* from, std::int64_t columns, std::int64_t k_end,
                          std::int64_t first_column, std::int64_t first_k, float (&into)[kLoads]) {
#pragma unroll
  for (int i = 0; i < kLoads; ++i) {
    int k = 0;
    int column = 0;
    place_in_tile<along_k>(i, k, column);
    const std::int64_t at_k = first_k + k;
    const std::int64_t at = first_column + column;
    const bool is_inside = at_k < k_end && at < columns;
    into[i] = !is_inside ? 0.0f : along_k ? from[at * k_end + at_k] : from[at_k * columns + at];
  }
}

template <bool along_k>
__device__ void store_tile(const float (&from)[kLoads], float (&tile)[kDepth][kTile + kEach]) {
#pragma unroll
  for (int i = 0; i < kLoads; ++i) {
    int k = 0;
    int column = 0;
    place_in_tile<along_k>(i, k, column);
    tile[k][column] = from[i];
  }
}

template <bool b_transposed>
__global__ void __launch_bounds__(kThreads)
    gemm_kernel(GemmShape s, std::int64_t first_batch, const float* a, const float* b, float* c) {
  __shared__ __align__(16) float a_tile[kDepth][kTile + kEach];  // (tile_k, tile_m)
  __shared__ __align__(16) float b_tile[kDepth][kTile + kEach];  // (tile_k, tile_n)
  const std::int64_t batch = first_batch + blockIdx.y;
  a += batch % s.a_period * s.a_stride;
  b += batch * s.b_stride;
  c += batch * s.c_stride;
  const std::int64_t tiles_n = (s.n + kTile - 1) / kTile;
  const std::int64_t m0 = blockIdx.x / tiles_n * kTile;
  const std::int64_t n0 = blockIdx.x % tiles_n * kTile;
  const int row = static_cast<int>(threadIdx.x) / 16 * kEach;
  const int column = static_cast<int>(threadIdx.x) % 16 * kEach;

  float sums[kEach][kEach] = {};
  float a_next[kLoads];
  float b_next[kLoads];
  load_tile<true>(a, s.m, s.k, m0, 0, a_next);
  load_tile<b_transposed>(b, s.n, s.k, n0, 0, b_next);
  for (std::int64_t k0 = 0; k0 < s.k; k0 += kDepth) {
    __syncthreads();
    store_tile<true>(a_next, a_tile);
    store_tile<b_transposed>(b_next, b_tile);
    __syncthreads();
    load_tile<true>(a, s.m, s.k, m0, k0 + kDepth, a_next);
    load_tile<b_transposed>(b, s.n, s.k, n0, k0 + kDepth, b_next);
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      const float4 x = *reinterpret_cast<const float4*>(&a_tile[k][row]);
      const float4 y = *reinterpret_cast<const float4*>(&b_tile[k][column]);
      const float xs[kEach] = {x.x, x.y, x.z, x.w};
      const float ys[kEach] = {y.x, y.y, y.z, y.w};
#pragma unroll
      for (int i = 0; i < kEach; ++i)
#pragma unroll
        for (int j = 0; j < kEach; ++j) sums[i][j] += xs[i] * ys[j];
    }
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i)
#pragma unroll
    for (int j = 0; j < kEach; ++j)
      if (m0 + row + i < s.m && n0 + column + j < s.n)
        c[(m0 + row + i) * s.n + n0 + column + j] = sums[i][j];
}

// A warp an element of c; b is n x k.
__global__ void __launch_bounds__(kThreads)
    dot_kernel(GemmShape s, const float* a, const float* b, float* c) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t warps = std::int64_t{gridDim.x} * (kThreads / 32);
  for (std::int64_t i = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) / 32; i < s.m * s.n;
       i += warps) {
    const float* row = a + i / s.n * s.k;
    const float* weights = b + i % s.n * s.k;
    float sum = 0.0f;
    for (std::int64_t k = lane; k < s.k; k += 32) sum += row[k] * weights[k];
    for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(~0u, sum, lanes);
    if (lane == 0) c[i] = sum;
  }
}

}  // namespace

void run_gemm(const GemmShape& shape, const float* a, const float* b, float* c,
              cudaStream_t stream) {
  if (shape.m * shape.n * shape.batch == 0) return;
  if (shape.b_transposed && shape.batch == 1 && shape.m <= 16) {
    dot_kernel<<<blocks_for(shape.m * shape.n, kThreads / 32), kThreads, 0, stream>>>(shape, a, b,
                                                                                      c);
    return;
  }
  const std::int64_t tiles = (shape.m + kTile - 1) / kTile * ((shape.n + kTile - 1) / kTile);
  constexpr std::int64_t kMaxBatch = 65535;  // of a grid's second extent
  for (std::int64_t first = 0; first < shape.batch; first += kMaxBatch) {
    const std::int64_t count = shape.batch - first < kMaxBatch ? shape.batch - first : kMaxBatch;
    const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(count));
    const auto kernel = shape.b_transposed ? gemm_kernel<true> : gemm_kernel<false>;
    kernel<<<grid, kThreads, 0, stream>>>(shape, first, a, b, c);
  }
}

}  // namespace kissa::cuda
