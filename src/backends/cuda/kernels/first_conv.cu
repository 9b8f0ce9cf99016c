// y = clip(W * x + bias) as an implicit product on the tensor cores, weights as the first operand.
// A block computes 64 channels of 2 rows of 56 pixels. The image's part under them lies in shared
// memory, 4 channels a pixel, so that a step's 32 bytes are 4 or 2 neighbouring pixels:
//   shared: (rows of the image, columns) x 4 elements; then (112 pixels, 64 channels and 16 bytes)
#include "backends/cuda/kernels/first_conv.h"

#include <algorithm>

#include "backends/cuda/kernels/number.cuh"

namespace kissa::cuda {
namespace {

constexpr int kThreadsFirst = 256;
constexpr int kRows = 2;
constexpr int kColumns = 56;
constexpr int kTiles = kRows * kColumns / 8 / 2;  // of 8 pixels, of a warp
constexpr std::size_t kMostShared = 64 * 1024;  // 16 x 232 floats of 4 channels: 12 x 12, stride 4
template <class T>
constexpr int kOutPitch = 64 + kOfWord<T>;  // elements of a pixel of the result

__host__ __device__ int image_rows(const FirstConv& c) { return (kRows - 1) * c.stride + c.side; }
// Even, so that rows are 16 bytes apart; what the last pixel's steps reach included.
__host__ __device__ int image_columns(const FirstConv& c) {
  return ((kColumns - 1) * c.stride + (c.side + 3) / 4 * 4 + 1) / 2 * 2;
}
template <class T>
std::size_t shared_bytes(const FirstConv& c) {
  const int image = image_rows(c) * image_columns(c) * 4;
  return static_cast<std::size_t>(std::max(image, kRows * kColumns * kOutPitch<T>)) * sizeof(T);
}

template <class T>
__global__ void __launch_bounds__(kThreadsFirst, 2)
    first_conv_kernel(const __grid_constant__ FirstConv c) {
  extern __shared__ __align__(16) unsigned char shared[];
  const int tid = static_cast<int>(threadIdx.x);
  const int lane = tid % 32;
  const int warp_m = tid / 32 % 4;
  const int warp_n = tid / 32 / 4;
  const int columns_tiles = (c.out_width + kColumns - 1) / kColumns;
  const int q0 = static_cast<int>(blockIdx.x) % columns_tiles * kColumns;
  const int p0 = static_cast<int>(blockIdx.x) / columns_tiles * kRows;
  const int block_m = static_cast<int>(blockIdx.y) * 4 + warp_m;
  const std::int64_t image = blockIdx.z;
  const int rows = image_rows(c);
  const int columns = image_columns(c);
  let_next_start();

  // A load from shared memory brings two steps of a row; what lies behind the filter has zero
  // weights.
  constexpr int kTaps = kOfWord<T> / 2;  // first_conv_taps
  const int steps = (c.side + kTaps - 1) / kTaps;
  const int of_row = (steps + 1) / 2;
  const int pairs = c.side * of_row;
  const uint4* weight = static_cast<const uint4*>(c.weight) +
                        std::int64_t{min(block_m, c.blocks_out - 1)} * c.side * steps * 32 + lane;
  const auto fetch = [&](int pair, uint4(&into)[2]) {
    const int r = pair / of_row;
    const int s = pair % of_row * 2;
    into[0] = into[1] = make_uint4(0, 0, 0, 0);
    if (pair >= pairs) return;
    into[0] = __ldg(weight + (r * steps + s) * 32);
    if (s + 1 < steps) into[1] = __ldg(weight + (r * steps + s + 1) * 32);
  };
  uint4 weights[2][2];
  fetch(0, weights[0]);
  fetch(1, weights[1]);
  wait_for_previous();

  constexpr int kPixelBytes = 4 * sizeof(T);
  auto* pixels = reinterpret_cast<T*>(shared);
  const float* src = c.src + image * c.channels * c.height * c.width;
  constexpr int kEach = 4;  // pixels that a thread has on their way
  for (int first = tid; first < rows * columns; first += kEach * kThreadsFirst) {
    float values[kEach][4] = {};
#pragma unroll
    for (int k = 0; k < kEach; ++k) {
      const int i = first + k * kThreadsFirst;
      const int y = p0 * c.stride - c.pad + i / columns;
      const int x = q0 * c.stride - c.pad + i % columns;
      const bool is_inside = i < rows * columns && y >= 0 && y < c.height && x >= 0 && x < c.width;
#pragma unroll
      for (int channel = 0; channel < 4; ++channel)
        if (is_inside && channel < c.channels)
          values[k][channel] = src[(channel * c.height + y) * c.width + x];
    }
#pragma unroll
    for (int k = 0; k < kEach; ++k)
      if (first + k * kThreadsFirst < rows * columns)
        store_elements<4>(pixels + (first + k * kThreadsFirst) * 4, values[k]);
  }
  __syncthreads();

  const std::uint32_t pixels_at = shared_address(pixels);
  std::uint32_t at[kTiles];
#pragma unroll
  for (int j = 0; j < kTiles; ++j) {
    const int tile = warp_n * kTiles + j;
    const int row = tile / (kColumns / 8) * c.stride;
    const int column = (tile % (kColumns / 8) * 8 + lane % 8) * c.stride + lane / 8 * (kTaps / 2);
    at[j] = pixels_at + static_cast<std::uint32_t>((row * columns + column) * kPixelBytes);
  }
  float sums[kTiles][4] = {};
  for (int first = 0; first < pairs; first += 2) {
#pragma unroll
    for (int ahead = 0; ahead < 2; ++ahead) {
      const int pair = first + ahead;
      if (pair >= pairs) break;
      const int s = pair % of_row * 2;
      const auto offset =
          static_cast<std::uint32_t>((pair / of_row * columns + s * kTaps) * kPixelBytes);
      // Of a lone last step, the lanes of the second address the first once more.
      const std::uint32_t back = s + 1 < steps || lane < 16 ? 0u : 32u;
#pragma unroll
      for (int j = 0; j < kTiles; ++j)
        multiply_add_pair<T>(sums[j], weights[ahead][0], weights[ahead][1],
                             load_tiles(at[j] + offset - back));
      fetch(pair + 2, weights[ahead]);
    }
  }

  __syncthreads();
  auto* out = reinterpret_cast<T*>(shared);
  const int channel = warp_m * 16 + lane / 4;
  const bool has_work = block_m < c.blocks_out;
  const float bias_a = has_work ? c.bias[block_m * 16 + lane / 4] : 0.0f;
  const float bias_b = has_work ? c.bias[block_m * 16 + lane / 4 + 8] : 0.0f;
  const auto finish = [&](float sum, float bias) {
    return to_element<T>(fminf(fmaxf(sum + bias, c.low), c.high));
  };
#pragma unroll
  for (int j = 0; j < kTiles; ++j) {
    T* to = out + ((warp_n * kTiles + j) * 8 + lane % 4 * 2) * kOutPitch<T> + channel;
    to[0] = finish(sums[j][0], bias_a);
    to[kOutPitch<T>] = finish(sums[j][1], bias_a);
    to[8] = finish(sums[j][2], bias_b);
    to[kOutPitch<T> + 8] = finish(sums[j][3], bias_b);
  }
  __syncthreads();
  constexpr int kWords = 64 / kOfWord<T>;
  for (int i = tid; i < kRows * kColumns * kWords; i += kThreadsFirst) {
    const int pixel = i / kWords;
    const int own = i % kWords * kOfWord<T>;
    const int p = p0 + pixel / kColumns;
    const int q = q0 + pixel % kColumns;
    const int first = static_cast<int>(blockIdx.y) * 64 + own;
    if (p >= c.out_height || q >= c.out_width || first >= c.blocks_out * 16) continue;
    T* to = static_cast<T*>(c.dst) + ((image * c.out_height + p) * c.out_width + q) * c.dst_stride +
            first;
    *reinterpret_cast<uint4*>(to) =
        *reinterpret_cast<const uint4*>(out + pixel * kOutPitch<T> + own);
  }
}

}  // namespace

void prepare_first_conv(Number number) {
  with_element(number, []<class T>(T) {
    cudaFuncSetAttribute(first_conv_kernel<T>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(kMostShared));
  });
}

void launch_first_conv(const FirstConv& conv, cudaStream_t stream) {
  const auto ceil_div = [](int a, int b) { return static_cast<unsigned>((a + b - 1) / b); };
  const dim3 grid(ceil_div(conv.out_width, kColumns) * ceil_div(conv.out_height, kRows),
                  ceil_div(conv.blocks_out, 4), static_cast<unsigned>(conv.images));
  with_element(conv.number, [&]<class T>(T) {
    first_conv_kernel<T><<<grid, kThreadsFirst, shared_bytes<T>(conv), stream>>>(conv);
  });
}

}  // namespace kissa::cuda
