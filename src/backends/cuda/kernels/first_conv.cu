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
  wait_for_previous();

  constexpr int kTaps = kOfWord<T> / 2;  // first_conv_taps
  constexpr int kPixelBytes = 4 * sizeof(T);
  auto* pixels = reinterpret_cast<T*>(shared);
  const float* src = c.src + image * c.channels * c.height * c.width;
  for (int i = tid; i < rows * columns; i += kThreadsFirst) {
    const int y = p0 * c.stride - c.pad + i / columns;
    const int x = q0 * c.stride - c.pad + i % columns;
    const bool is_inside = y >= 0 && y < c.height && x >= 0 && x < c.width;
    float values[4] = {};
    for (int k = 0; k < 4; ++k)
      if (is_inside && k < c.channels) values[k] = src[(k * c.height + y) * c.width + x];
    store_elements<4>(pixels + i * 4, values);
  }
  __syncthreads();

  const int steps = (c.side + kTaps - 1) / kTaps;
  const bool has_work = block_m < c.blocks_out;
  const uint4* weight =
      static_cast<const uint4*>(c.weight) + std::int64_t{block_m} * c.side * steps * 32 + lane;
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
  for (int r = 0; r < c.side; ++r) {
    // A load brings two steps of the row; what lies behind the filter has zero weights.
    for (int s = 0; s < steps; s += 2) {
      const uint4 none = make_uint4(0, 0, 0, 0);
      const bool is_pair = s + 1 < steps;
      const uint4 w0 = has_work ? load_weights(weight + (r * steps + s) * 32) : none;
      const uint4 w1 = has_work && is_pair ? load_weights(weight + (r * steps + s + 1) * 32) : none;
      const auto offset = static_cast<std::uint32_t>((r * columns + s * kTaps) * kPixelBytes);
#pragma unroll
      for (int j = 0; j < kTiles; ++j) {
        // Of a lone last step, the lanes of the second address the first once more.
        const std::uint32_t back = is_pair || lane < 16 ? 0u : 32u;
        const uint4 b = load_tiles(at[j] + offset - back);
        multiply_add_pair<T>(sums[j], w0, w1, b);
      }
    }
  }

  __syncthreads();
  auto* out = reinterpret_cast<T*>(shared);
  const int channel = warp_m * 16 + lane / 4;
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
