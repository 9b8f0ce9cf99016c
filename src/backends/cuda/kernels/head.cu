// A block computes 2 x 14 pixels of the result, from 5 x 32 of the first convolution (of which 29
// columns count), from 15 x 72 of the image. All between lies in shared memory:
//   image (15, 72) pixels of 4 halves | conv (160 pixels, 72) halves | pooled (32, 72) | scaled
//   (32, 72); 72 = 64 channels and a gap, so that 8 pixels of ldmatrix lie in different banks
// Warps share the 64 channels in four and the pixels in two; the first weights stay in registers.
#include "backends/cuda/kernels/head.h"

#include "backends/cuda/kernels/fp16.cuh"
#include "backends/cuda/kernels/lrn.cuh"

namespace kissa::cuda {
namespace {

constexpr int kHeadThreads = 256;
constexpr int kOutRows = 2;
constexpr int kOutColumns = 14;
constexpr int kConvRows = 2 * kOutRows + 1;
constexpr int kConvColumns = 32;
constexpr int kImageRows = 2 * (kConvRows - 1) + kHeadSide;
constexpr int kImageColumns = 72;
constexpr int kPitch = kHeadOutputs + 8;
constexpr int kSteps = 2 * kHeadSide;                      // of 4 taps and 4 channels
constexpr int kConvTiles = kConvRows * kConvColumns / 16;  // of 8 pixels, of a warp
constexpr int kOut = kOutRows * kOutColumns;

__device__ void load_image(const Head& op, std::int64_t image, int top, int left, __half* to) {
  constexpr int kCount = kImageRows * kImageColumns;
  constexpr int kEach = (kCount + kHeadThreads - 1) / kHeadThreads;
  const int plane = op.height * op.width;
  const float* src = op.src + image * op.channels * plane;
  float values[kEach][4];
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    const int i = static_cast<int>(threadIdx.x) + k * kHeadThreads;
    const int y = top + i / kImageColumns;
    const int x = left + i % kImageColumns;
    const bool is_inside = i < kCount && y >= 0 && y < op.height && x >= 0 && x < op.width;
#pragma unroll
    for (int c = 0; c < 4; ++c)
      values[k][c] = is_inside && c < op.channels ? src[c * plane + y * op.width + x] : 0.0f;
  }
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    const int i = static_cast<int>(threadIdx.x) + k * kHeadThreads;
    if (i >= kCount) continue;
    auto* pairs = reinterpret_cast<__half2*>(to + i * 4);
    pairs[0] = __floats2half2_rn(values[k][0], values[k][1]);
    pairs[1] = __floats2half2_rn(values[k][2], values[k][3]);
  }
}

// Stores one mma's result, pixels of `at` on, as halves of [pixel][channel].
template <class Finish>
__device__ void store_tile(const float (&sums)[4], __half* at, Finish&& finish) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  __half* to = at + lane % 4 * 2 * kPitch + lane / 4;
  to[0] = __float2half_rn(finish(sums[0], 0));
  to[kPitch] = __float2half_rn(finish(sums[1], 0));
  to[8] = __float2half_rn(finish(sums[2], 1));
  to[kPitch + 8] = __float2half_rn(finish(sums[3], 1));
}

__global__ void __launch_bounds__(kHeadThreads, 2) head_kernel(const __grid_constant__ Head op) {
  __shared__ __align__(16) __half image[kImageRows * kImageColumns * 4];
  __shared__ __align__(16) __half conv[kConvRows * kConvColumns * kPitch];
  __shared__ __align__(16) __half pooled[32 * kPitch];
  __shared__ __align__(16) __half scaled[32 * kPitch];
  const int tid = static_cast<int>(threadIdx.x);
  const int lane = tid % 32;
  const int warp_m = tid / 32 % 4;
  const int warp_n = tid / 32 / 4;
  const int p0 = static_cast<int>(blockIdx.y) * kOutRows;
  const int q0 = static_cast<int>(blockIdx.x) * kOutColumns;
  let_next_start();
  uint4 weights[kSteps];
#pragma unroll
  for (int s = 0; s < kSteps; ++s)
    weights[s] = load_weights(static_cast<const uint4*>(op.first_weight) +
                              (warp_m * kSteps + s) * 32 + lane);
  const int channel = warp_m * 16 + lane / 4;
  wait_for_previous();
  load_image(op, blockIdx.z, 4 * p0 - op.pad, 4 * q0 - op.pad, image);
  __syncthreads();

  float sums[kConvTiles][4] = {};
  const std::uint32_t image_at = shared_address(image);
#pragma unroll
  for (int r = 0; r < kHeadSide; ++r) {
#pragma unroll
    for (int j = 0; j < kConvTiles; ++j) {
      const int tile = warp_n * kConvTiles + j;
      const int row = tile / (kConvColumns / 8) * 2 + r;
      const int column = (tile % (kConvColumns / 8) * 8 + lane % 8) * 2 + lane / 8 * 2;
      const uint4 b =
          load_tiles(image_at + static_cast<std::uint32_t>((row * kImageColumns + column) * 8));
      multiply_add(sums[j], weights[2 * r], b.x, b.y);
      multiply_add(sums[j], weights[2 * r + 1], b.z, b.w);
    }
  }
  const float first_bias[2] = {op.first_bias[channel], op.first_bias[channel + 8]};
#pragma unroll
  for (int j = 0; j < kConvTiles; ++j)
    store_tile(sums[j], conv + (warp_n * kConvTiles + j) * 8 * kPitch + warp_m * 16,
               [&](float sum, int half) {
                 return fminf(fmaxf(sum + first_bias[half], op.first_low), op.first_high);
               });
  uint4 second[4];
#pragma unroll
  for (int s = 0; s < 4; ++s)
    second[s] =
        load_weights(static_cast<const uint4*>(op.second_weight) + (warp_m * 4 + s) * 32 + lane);
  __syncthreads();

  // A thread takes 8 channels of a pixel of the pool, then of LRN.
  const int chunk = tid % 8 * 8;
  const int own = tid / 8;
  if (own < kOut) {
    // What hangs over the convolution's image repeats its last row or column.
    const int last_row = op.conv_height - 1 - 2 * p0;
    const int last_column = op.conv_width - 1 - 2 * q0;
    uint4 largest = lowest_half8();
#pragma unroll
    for (int i = 0; i < 9; ++i) {
      const int row = min(own / kOutColumns * 2 + i / 3, last_row);
      const int column = min(own % kOutColumns * 2 + i % 3, last_column);
      const bool is_inside = row >= 0 && column >= 0;
      if (is_inside)
        largest = max_half8(largest, *reinterpret_cast<const uint4*>(
                                         conv + (row * kConvColumns + column) * kPitch + chunk));
    }
    *reinterpret_cast<uint4*>(pooled + own * kPitch + chunk) = largest;
  }
  __syncthreads();
  {
    float x[12] = {};
    float y[8] = {};
    if (own < kOut) {
#pragma unroll
      for (int i = 0; i < 12; ++i)
        if (chunk + i - 2 >= 0 && chunk + i - 2 < kHeadOutputs)
          x[i] = __half2float(pooled[own * kPitch + chunk + i - 2]);
      apply_lrn<2, 8>(op.lrn, x, y);
    }
    *reinterpret_cast<uint4*>(scaled + own * kPitch + chunk) = to_halves(y);
  }
  __syncthreads();

  float out[2][4] = {};
  const std::uint32_t scaled_at = shared_address(scaled);
#pragma unroll
  for (int s = 0; s < 4; s += 2) {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const int pixel = (warp_n * 2 + j) * 8 + lane % 8;
      const uint4 b = load_tiles(
          scaled_at + static_cast<std::uint32_t>(pixel * kPitch * 2 + s * 32 + lane / 8 * 16));
      multiply_add(out[j], second[s], b.x, b.y);
      multiply_add(out[j], second[s + 1], b.z, b.w);
    }
  }
  const float second_bias[2] = {op.second_bias[channel], op.second_bias[channel + 8]};
#pragma unroll
  for (int j = 0; j < 2; ++j)
    store_tile(out[j], pooled + (warp_n * 2 + j) * 8 * kPitch + warp_m * 16,
               [&](float sum, int half) {
                 return fminf(fmaxf(sum + second_bias[half], op.second_low), op.second_high);
               });
  __syncthreads();
  const int p = p0 + own / kOutColumns;
  const int q = q0 + own % kOutColumns;
  if (own >= kOut || p >= op.out_height || q >= op.out_width) return;
  __half* dst =
      static_cast<__half*>(op.dst) +
      ((std::int64_t{blockIdx.z} * op.out_height + p) * op.out_width + q) * op.dst_stride + chunk;
  *reinterpret_cast<uint4*>(dst) = *reinterpret_cast<const uint4*>(pooled + own * kPitch + chunk);
}

}  // namespace

void launch_head(const Head& head, cudaStream_t stream) {
  const auto ceil_div = [](int a, int b) { return static_cast<unsigned>((a + b - 1) / b); };
  const dim3 grid(ceil_div(head.out_width, kOutColumns), ceil_div(head.out_height, kOutRows),
                  static_cast<unsigned>(head.images));
  head_kernel<<<grid, kHeadThreads, 0, stream>>>(head);
}

}  // namespace kissa::cuda
