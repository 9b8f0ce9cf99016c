// A block computes 2 x 14 pixels of the result, from 5 x 32 of the first convolution (of which 29
// columns count), from 15 x 72 of the image. All between lies in shared memory:
//   image (15, 72) pixels of 4 | conv (160 pixels) | pooled (32) | scaled (32), each pixel 64
//   channels and 16 bytes, so that 8 pixels of ldmatrix lie in different banks
// Warps share the 64 channels in four and the pixels in two; the first weights stay in registers,
// those of halves all, those of floats two rows of the filter at a time.
#include "backends/cuda/kernels/head.h"

#include "backends/cuda/kernels/lrn.cuh"
#include "backends/cuda/kernels/number.cuh"

namespace kissa::cuda {
namespace {

constexpr int kHeadThreads = 256;
constexpr int kOutRows = 2;
constexpr int kOutColumns = 14;
constexpr int kConvRows = 2 * kOutRows + 1;
constexpr int kConvColumns = 32;
constexpr int kImageRows = 2 * (kConvRows - 1) + kHeadSide;
constexpr int kImageColumns = 72;
template <class T>
constexpr int kPitch = kHeadOutputs + kOfWord<T>;
constexpr int kConvTiles = kConvRows * kConvColumns / 16;  // of 8 pixels, of a warp
constexpr int kOut = kOutRows * kOutColumns;
constexpr int kPixels = 32;  // kOut and what fills whole products
template <class T>
constexpr std::size_t kSharedBytes = sizeof(T) *
                                     (kImageRows * kImageColumns * 4 +
                                      (kConvRows * kConvColumns + 2 * kPixels) * kPitch<T>);

template <class T>
__device__ void load_image(const Head& op, std::int64_t image, int top, int left, T* to) {
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
    store_elements<4>(to + i * 4, values[k]);
  }
}

// Stores one mma's result, pixels of `at` on, as [pixel][channel].
template <class T, class Finish>
__device__ void store_tile(const float (&sums)[4], T* at, Finish&& finish) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  T* to = at + lane % 4 * 2 * kPitch<T> + lane / 4;
  to[0] = to_element<T>(finish(sums[0], 0));
  to[kPitch<T>] = to_element<T>(finish(sums[1], 0));
  to[8] = to_element<T>(finish(sums[2], 1));
  to[kPitch<T> + 8] = to_element<T>(finish(sums[3], 1));
}

template <class T>
__global__ void __launch_bounds__(kHeadThreads, 2) head_kernel(const __grid_constant__ Head op) {
  constexpr int kTaps = kOfWord<T> / 2;         // of a step, of 4 channels each
  constexpr int kPairsOfRow = 8 / (2 * kTaps);  // of steps
  constexpr int kSteps = 2 * kPairsOfRow * kHeadSide;
  constexpr int kAhead = kIsHalf<T> ? kHeadSide : 2;  // rows whose weights are there
  constexpr int kSecondPairs = kHeadOutputs * int{sizeof(T)} / 64;
  constexpr int kWords = 8 / kOfWord<T>;  // of 8 channels
  extern __shared__ __align__(16) unsigned char shared[];
  T* image = reinterpret_cast<T*>(shared);
  T* conv = image + kImageRows * kImageColumns * 4;
  T* pooled = conv + kConvRows * kConvColumns * kPitch<T>;
  T* scaled = pooled + kPixels * kPitch<T>;
  const int tid = static_cast<int>(threadIdx.x);
  const int lane = tid % 32;
  const int warp_m = tid / 32 % 4;
  const int warp_n = tid / 32 / 4;
  const int p0 = static_cast<int>(blockIdx.y) * kOutRows;
  const int q0 = static_cast<int>(blockIdx.x) * kOutColumns;
  let_next_start();
  uint4 weights[kAhead][kPairsOfRow][2];
  const auto fetch = [&](int row, uint4(&into)[kPairsOfRow][2]) {
#pragma unroll
    for (int i = 0; i < 2 * kPairsOfRow; ++i)
      into[i / 2][i % 2] = load_weights(static_cast<const uint4*>(op.first_weight) +
                                        (warp_m * kSteps + row * 2 * kPairsOfRow + i) * 32 + lane);
  };
#pragma unroll
  for (int r = 0; r < kAhead; ++r) fetch(r, weights[r]);
  const int channel = warp_m * 16 + lane / 4;
  wait_for_previous();
  load_image(op, blockIdx.z, 4 * p0 - op.pad, 4 * q0 - op.pad, image);
  __syncthreads();

  float sums[kConvTiles][4] = {};
  const std::uint32_t image_at = shared_address(image);
#pragma unroll
  for (int r = 0; r < kHeadSide; ++r) {
#pragma unroll
    for (int pair = 0; pair < kPairsOfRow; ++pair) {
#pragma unroll
      for (int j = 0; j < kConvTiles; ++j) {
        const int tile = warp_n * kConvTiles + j;
        const int row = tile / (kConvColumns / 8) * 2 + r;
        const int column = (tile % (kConvColumns / 8) * 8 + lane % 8) * 2 + lane / 8 * (kTaps / 2) +
                           pair * 2 * kTaps;
        const uint4 b =
            load_tiles(image_at + static_cast<std::uint32_t>((row * kImageColumns + column) * 4 *
                                                             int{sizeof(T)}));
        multiply_add_pair<T>(sums[j], weights[r % kAhead][pair][0], weights[r % kAhead][pair][1],
                             b);
      }
    }
    if (r + kAhead < kHeadSide) fetch(r + kAhead, weights[r % kAhead]);
  }
  const float first_bias[2] = {op.first_bias[channel], op.first_bias[channel + 8]};
#pragma unroll
  for (int j = 0; j < kConvTiles; ++j)
    store_tile(sums[j], conv + (warp_n * kConvTiles + j) * 8 * kPitch<T> + warp_m * 16,
               [&](float sum, int half) {
                 return fminf(fmaxf(sum + first_bias[half], op.first_low), op.first_high);
               });
  uint4 second[kSecondPairs][2];
#pragma unroll
  for (int i = 0; i < 2 * kSecondPairs; ++i)
    second[i / 2][i % 2] = load_weights(static_cast<const uint4*>(op.second_weight) +
                                        (warp_m * 2 * kSecondPairs + i) * 32 + lane);
  __syncthreads();

  // A thread takes 8 channels of a pixel of the pool, then of LRN.
  const int chunk = tid % 8 * 8;
  const int own = tid / 8;
  if (own < kOut) {
    // What hangs over the convolution's image repeats its last row or column.
    const int last_row = op.conv_height - 1 - 2 * p0;
    const int last_column = op.conv_width - 1 - 2 * q0;
    uint4 largest[kWords];
#pragma unroll
    for (int w = 0; w < kWords; ++w) largest[w] = lowest_word<T>();
#pragma unroll
    for (int i = 0; i < 9; ++i) {
      const int row = min(own / kOutColumns * 2 + i / 3, last_row);
      const int column = min(own % kOutColumns * 2 + i % 3, last_column);
      if (row < 0 || column < 0) continue;
      const auto* from =
          reinterpret_cast<const uint4*>(conv + (row * kConvColumns + column) * kPitch<T> + chunk);
#pragma unroll
      for (int w = 0; w < kWords; ++w) largest[w] = max_word<T>(largest[w], from[w]);
    }
#pragma unroll
    for (int w = 0; w < kWords; ++w)
      reinterpret_cast<uint4*>(pooled + own * kPitch<T> + chunk)[w] = largest[w];
  }
  __syncthreads();
  {
    float x[12] = {};
    float y[8] = {};
    if (own < kOut) {
#pragma unroll
      for (int i = 0; i < 12; ++i)
        if (chunk + i - 2 >= 0 && chunk + i - 2 < kHeadOutputs)
          x[i] = to_float(pooled[own * kPitch<T> + chunk + i - 2]);
      apply_lrn<2, 8>(op.lrn, x, y);
    }
    store_elements<8>(scaled + own * kPitch<T> + chunk, y);
  }
  __syncthreads();

  float out[2][4] = {};
  const std::uint32_t scaled_at = shared_address(scaled);
#pragma unroll
  for (int pair = 0; pair < kSecondPairs; ++pair) {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const int pixel = (warp_n * 2 + j) * 8 + lane % 8;
      const uint4 b =
          load_tiles(scaled_at + static_cast<std::uint32_t>(pixel * kPitch<T> * int{sizeof(T)} +
                                                            pair * 64 + lane / 8 * 16));
      multiply_add_pair<T>(out[j], second[pair][0], second[pair][1], b);
    }
  }
  const float second_bias[2] = {op.second_bias[channel], op.second_bias[channel + 8]};
#pragma unroll
  for (int j = 0; j < 2; ++j)
    store_tile(out[j], pooled + (warp_n * 2 + j) * 8 * kPitch<T> + warp_m * 16,
               [&](float sum, int half) {
                 return fminf(fmaxf(sum + second_bias[half], op.second_low), op.second_high);
               });
  __syncthreads();
  const int p = p0 + own / kOutColumns;
  const int q = q0 + own % kOutColumns;
  if (own >= kOut || p >= op.out_height || q >= op.out_width) return;
  T* dst = static_cast<T*>(op.dst) +
           ((std::int64_t{blockIdx.z} * op.out_height + p) * op.out_width + q) * op.dst_stride +
           chunk;
#pragma unroll
  for (int w = 0; w < kWords; ++w)
    reinterpret_cast<uint4*>(dst)[w] =
        reinterpret_cast<const uint4*>(pooled + own * kPitch<T> + chunk)[w];
}

}  // namespace

void prepare_head(Number number) {
  with_element(number, []<class T>(T) {
    cudaFuncSetAttribute(head_kernel<T>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(kSharedBytes<T>));
  });
}

void launch_head(const Head& head, cudaStream_t stream) {
  const auto ceil_div = [](int a, int b) { return static_cast<unsigned>((a + b - 1) / b); };
  const dim3 grid(ceil_div(head.out_width, kOutColumns), ceil_div(head.out_height, kOutRows),
                  static_cast<unsigned>(head.images));
  with_element(head.number, [&]<class T>(T) {
    head_kernel<T><<<grid, kHeadThreads, kSharedBytes<T>, stream>>>(head);
  });
}

}  // namespace kissa::cuda
