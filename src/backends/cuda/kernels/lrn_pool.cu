// A thread takes 8 channels of two columns and walks down the rows of a strip: LRN of each pixel
// once, the maxima of three rows in registers, those of the third column from the next thread by
// shared memory. The images come last to first, as the cache still has the last ones.
//
// x (k + alpha s)^-0.75 of halves is alpha^-0.75 x (k / alpha + s)^-0.75. Its square with x's sign
// takes one root an element, and is as good for maxima; the second root is taken of these alone.
#include "backends/cuda/kernels/lrn_pool.h"

#include <algorithm>
#include <cmath>

#include "backends/cuda/kernels/lrn.cuh"
#include "backends/cuda/kernels/number.cuh"

namespace kissa::cuda {
namespace {

constexpr int kEach = 8;       // channels of a thread
constexpr int kGroups = 8;     // threads of a pixel
constexpr int kMaxSlots = 28;  // pairs of columns of a block
constexpr int kMaxRows = 14;   // of the result, of a strip
constexpr int kWantedBlocks = 320;

struct Strips {
  WindowOp op;
  int rows;            // of the result in a strip
  int columns;         // of the result in a block
  int tiles;           // blocks side by side
  float start, scale;  // k / 2 alpha and alpha^-0.75
};

// A thread's channels of a pixel, and the two channels beyond them at an end of the block's.
template <class T>
struct Piece {
  uint4 own[kEach * sizeof(T) / 16];
  std::conditional_t<kIsHalf<T>, std::uint32_t, uint2> beyond;
};

__device__ __forceinline__ std::uint32_t word_before(std::uint32_t last, std::uint32_t beyond,
                                                     int group) {
  const std::uint32_t before = __shfl_up_sync(~0u, last, 1, kGroups);
  return group == 0 ? beyond : before;
}
__device__ __forceinline__ std::uint32_t word_behind(std::uint32_t first, std::uint32_t beyond,
                                                     int group) {
  const std::uint32_t behind = __shfl_down_sync(~0u, first, 1, kGroups);
  return group == kGroups - 1 ? beyond : behind;
}

// The channels and two neighbours on each side.
template <class T>
__device__ __forceinline__ void with_neighbours(const Piece<T>& piece, int group,
                                                float (&x)[kEach + 4]) {
  const uint4& last = piece.own[kEach * sizeof(T) / 16 - 1];
  if constexpr (kIsHalf<T>) {
    const std::uint32_t ends[2] = {word_before(last.w, piece.beyond, group),
                                   word_behind(piece.own[0].x, piece.beyond, group)};
    const float2 before = __half22float2(*reinterpret_cast<const __half2*>(&ends[0]));
    const float2 behind = __half22float2(*reinterpret_cast<const __half2*>(&ends[1]));
    x[0] = before.x, x[1] = before.y;
    x[kEach + 2] = behind.x, x[kEach + 3] = behind.y;
    unpack<T>(piece.own[0], x + 2);
  } else {
    unpack<T>(piece.own[0], x + 2);
    unpack<T>(piece.own[1], x + 6);
    x[0] = __uint_as_float(word_before(last.z, piece.beyond.x, group));
    x[1] = __uint_as_float(word_before(last.w, piece.beyond.y, group));
    x[kEach + 2] = __uint_as_float(word_behind(piece.own[0].x, piece.beyond.x, group));
    x[kEach + 3] = __uint_as_float(word_behind(piece.own[0].y, piece.beyond.y, group));
  }
}

// LRN, or where kSquares its square over alpha^-1.5, with its sign.
template <class T, bool kSquares>
__device__ __forceinline__ void normalize(const Strips& strips, const Piece<T>& piece, int group,
                                          float (&y)[kEach]) {
  float x[kEach + 4];
  with_neighbours<T>(piece, group, x);
  if constexpr (kSquares) {
    float sums[kEach];
    sum_squares<kEach>(x, strips.start, sums);
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const float root = fast_rsqrt(sums[i]);
      const float part = x[i + 2] * root;
      y[i] = part * fabsf(part) * root;
    }
  } else {
    apply_lrn<2, kEach>(strips.op.lrn, x, y);
  }
}

template <class T, bool kSquares>
__global__ void __launch_bounds__(kMaxSlots* kGroups, kSquares ? 3 : 2)
    lrn_pool_kernel(const __grid_constant__ Strips strips) {
  __shared__ float4 first_columns[2][kEach / 4][kMaxSlots * kGroups];
  let_next_start();
  const WindowOp& op = strips.op;
  const int tid = static_cast<int>(threadIdx.x);
  const int group = tid % kGroups;
  const int slot = tid / kGroups;
  const int block = static_cast<int>(blockIdx.x);
  const int q = block % strips.tiles * strips.columns + slot;
  const int p0 = block / strips.tiles * strips.rows;
  const int p1 = min(p0 + strips.rows, op.out_height);
  const std::int64_t image = op.images - 1 - static_cast<int>(blockIdx.z);
  const int padded = (op.channels + 15) / 16 * 16;
  const int channel = (static_cast<int>(blockIdx.y) * kGroups + group) * kEach;
  const bool is_inside = channel < padded;

  // What of a window hangs over repeats the image's first or last row or column, which the window
  // has anyway.
  const int row = 2 * p0 - op.pad_h;
  const int column = 2 * q - op.pad_w;
  const T* src =
      static_cast<const T*>(op.src) + image * op.height * op.width * op.src_stride + channel;
  const std::int64_t row_step = std::int64_t{op.width} * op.src_stride;
  const int columns[2] = {min(max(column, 0), op.width - 1) * op.src_stride,
                          min(max(column + 1, 0), op.width - 1) * op.src_stride};
  const int beyond = group == 0 ? -2 : kEach;
  const bool has_beyond =
      is_inside && (group == 0 ? channel > 0 : group == kGroups - 1 && channel + kEach < padded);
  const auto load = [&](int y, int side) {
    Piece<T> piece = {};
    const T* at = src + min(max(y, 0), op.height - 1) * row_step + columns[side];
    if (is_inside) {
#pragma unroll
      for (int i = 0; i < static_cast<int>(kEach * sizeof(T) / 16); ++i)
        piece.own[i] = __ldcg(reinterpret_cast<const uint4*>(at) + i);
    }
    if (has_beyond)
      piece.beyond = __ldcg(reinterpret_cast<const decltype(piece.beyond)*>(at + beyond));
    return piece;
  };
  wait_for_previous();

  const Piece<T> top[2] = {load(row, 0), load(row, 1)};
  Piece<T> middle[2] = {load(row + 1, 0), load(row + 1, 1)};
  Piece<T> below[2] = {load(row + 2, 0), load(row + 2, 1)};
  float above[2][kEach];
#pragma unroll
  for (int side = 0; side < 2; ++side)
    normalize<T, kSquares>(strips, top[side], group, above[side]);
  const bool stores = slot < strips.columns && q < op.out_width && is_inside;
  const int next = column + 2 < op.width ? tid + kGroups : tid;
  T* dst = static_cast<T*>(op.dst) +
           ((image * op.out_height + p0) * op.out_width + q) * op.dst_stride + channel;
  for (int p = p0; p < p1; ++p, dst += std::int64_t{op.out_width} * op.dst_stride) {
    const int behind = 2 * p - op.pad_h + 3;
    auto& first_column = first_columns[p % 2];
    float largest[2][kEach];
#pragma unroll
    for (int side = 0; side < 2; ++side) {
      float y[kEach];
      normalize<T, kSquares>(strips, middle[side], group, y);
      if (p + 1 < p1) middle[side] = load(behind, side);
#pragma unroll
      for (int i = 0; i < kEach; ++i) largest[side][i] = fmaxf(above[side][i], y[i]);
      normalize<T, kSquares>(strips, below[side], group, above[side]);
      if (p + 1 < p1) below[side] = load(behind + 1, side);
#pragma unroll
      for (int i = 0; i < kEach; ++i) largest[side][i] = fmaxf(largest[side][i], above[side][i]);
      if (side == 1) continue;
#pragma unroll
      for (int i = 0; i < kEach; i += 4)
        first_column[i / 4][tid] =
            make_float4(largest[0][i], largest[0][i + 1], largest[0][i + 2], largest[0][i + 3]);
    }
    __syncthreads();
    if (!stores) continue;
    float result[kEach];
#pragma unroll
    for (int i = 0; i < kEach; ++i) result[i] = fmaxf(largest[0][i], largest[1][i]);
#pragma unroll
    for (int i = 0; i < kEach; i += 4) {
      const float4 third = first_column[i / 4][next];
      result[i] = fmaxf(result[i], third.x);
      result[i + 1] = fmaxf(result[i + 1], third.y);
      result[i + 2] = fmaxf(result[i + 2], third.z);
      result[i + 3] = fmaxf(result[i + 3], third.w);
    }
    if constexpr (kSquares) {
#pragma unroll
      for (int i = 0; i < kEach; ++i)
        result[i] = copysignf(fast_sqrt(fabsf(result[i])) * strips.scale, result[i]);
    }
    store_elements<kEach>(dst, result);
  }
}

// Whether squares stay within FP32's range for all halves.
bool suits_squares(const LrnParameters& lrn) {
  const auto is_between = [](float x, float low, float high) { return x >= low && x <= high; };
  return lrn.beta == 0.75f && is_between(lrn.alpha, 1e-20f, 1e20f) &&
         is_between(lrn.k / lrn.alpha, 1e-6f, 1e10f);
}

int ceil_div(int a, int b) { return (a + b - 1) / b; }

}  // namespace

void launch_lrn_pool(const WindowOp& op, cudaStream_t stream) {
  // The last pair's third column is a pair of its own, where the image has it.
  const int pairs = op.out_width + (2 * op.out_width - op.pad_w < op.width ? 1 : 0);
  const int slots = std::min(pairs, kMaxSlots);
  const int columns = pairs > kMaxSlots ? kMaxSlots - 1 : op.out_width;
  const int tiles = ceil_div(op.out_width, columns);
  const int groups = ceil_div(op.channels, kEach * kGroups);
  const int wanted = ceil_div(kWantedBlocks, tiles * groups * op.images);
  const int rows = std::min(ceil_div(op.out_height, wanted), kMaxRows);
  const Strips strips = {.op = op,
                         .rows = rows,
                         .columns = columns,
                         .tiles = tiles,
                         .start = op.lrn.k / op.lrn.alpha / 2.0f,
                         .scale = std::pow(op.lrn.alpha, -0.75f)};
  const dim3 grid(static_cast<unsigned>(tiles * ceil_div(op.out_height, rows)),
                  static_cast<unsigned>(groups), static_cast<unsigned>(op.images));
  const auto launch = [&](void (*kernel)(Strips)) {
    launch_early(kernel, strips, grid, static_cast<unsigned>(slots * kGroups), 0, stream);
  };
  with_element(op.number, [&]<class T>(T) {
    if (kIsHalf<T> && suits_squares(op.lrn))
      launch(lrn_pool_kernel<T, kIsHalf<T>>);
    else
      launch(lrn_pool_kernel<T, false>);
  });
}

}  // namespace kissa::cuda
