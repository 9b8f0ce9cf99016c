// Winograd's transforms on Vec (A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural
// Networks, 2015): Y = A^T [(G g G^T) * (B^T d B)] A, with the points of interpolation
//   P = 4: 0, 1, -1, inf    P = 6: 0, 1, -1, 2, -2, inf    P = 8: 0, 1, -1, 2, -2, 1/2, -1/2, inf
// B^T depends on P alone, A^T on P and m. Row i of A^T holds the i-th powers of the points, its
// last column (inf) a one in the last row alone; conv_winograd.cpp has G.
//
// Channels lie in lanes, so that transforms are adds and a few products of whole vectors; pairs of
// opposite points share their even and odd parts. Adds use other ports than the products of the sum
// that they save; stores at point_stride bound the input transform.
#pragma once

#include "backends/cpu/kernels/winograd.h"

namespace kissa::cpu {
namespace {

// y = B^T x.
template <int P>
KISSA_INLINE void transform_input(const Vec (&x)[P], Vec (&y)[P]) {
  if constexpr (P == 4) {
    y[0] = x[0] - x[2];
    y[1] = x[1] + x[2];
    y[2] = x[2] - x[1];
    y[3] = x[3] - x[1];
  } else if constexpr (P == 6) {
    const Vec even1 = x[4] - 4.0f * x[2];
    const Vec odd1 = x[3] - 4.0f * x[1];
    const Vec even2 = x[4] - x[2];
    const Vec odd2 = 2.0f * (x[3] - x[1]);
    y[0] = 4.0f * x[0] - 5.0f * x[2] + x[4];
    y[1] = even1 + odd1;
    y[2] = even1 - odd1;
    y[3] = even2 + odd2;
    y[4] = even2 - odd2;
    y[5] = 4.0f * x[1] - 5.0f * x[3] + x[5];
  } else {
    static_assert(P == 8);
    const Vec even1 = x[2] + x[6] - 4.25f * x[4];
    const Vec odd1 = x[1] + x[5] - 4.25f * x[3];
    const Vec even2 = x[6] + 0.25f * x[2] - 1.25f * x[4];
    const Vec odd2 = 0.5f * x[1] - 2.5f * x[3] + 2.0f * x[5];
    const Vec even3 = x[6] + 4.0f * x[2] - 5.0f * x[4];
    const Vec odd3 = 2.0f * x[1] - 2.5f * x[3] + 0.5f * x[5];
    y[0] = x[0] - x[6] + 5.25f * (x[4] - x[2]);
    y[1] = even1 + odd1;
    y[2] = even1 - odd1;
    y[3] = even2 + odd2;
    y[4] = even2 - odd2;
    y[5] = even3 + odd3;
    y[6] = even3 - odd3;
    y[7] = x[7] - x[1] + 5.25f * (x[3] - x[5]);
  }
}

// y = A^T x for M outputs.
template <int P, int M>
KISSA_INLINE void transform_output(const Vec (&x)[P], Vec (&y)[M]) {
  const Vec even1 = x[1] + x[2];
  const Vec odd1 = x[1] - x[2];
  if constexpr (P == 4) {
    y[0] = x[0] + even1;
    y[1] = odd1;
  } else {
    const Vec even2 = x[3] + x[4];
    const Vec odd2 = x[3] - x[4];
    y[0] = x[0] + even1 + even2;
    y[1] = odd1 + 2.0f * odd2;
    y[2] = even1 + 4.0f * even2;
    y[3] = odd1 + 8.0f * odd2;
    if constexpr (M > 4) y[4] = even1 + 16.0f * even2;
    if constexpr (M > 5) y[5] = odd1 + 32.0f * odd2;
    if constexpr (P == 8) {
      const Vec even3 = x[5] + x[6];
      const Vec odd3 = x[5] - x[6];
      y[0] += even3;
      y[1] += 0.5f * odd3;
      y[2] += 0.25f * even3;
      y[3] += 0.125f * odd3;
      if constexpr (M > 4) y[4] += 0.0625f * even3;
      if constexpr (M > 5) y[5] += 0.03125f * odd3;
    }
  }
  y[M - 1] += x[P - 1];
}

// store_point(address, value) stores each point.
template <int P, class StorePoint>
KISSA_INLINE void transform_input_points(const WinogradInput& tile, int lane,
                                         const StorePoint& store_point) {
  Vec half[P][P];
  KISSA_UNROLL(8)
  for (int j = 0; j < P; ++j) {
    Vec x[P], y[P];
    KISSA_UNROLL(8)
    for (int i = 0; i < P; ++i) x[i] = load(tile.src + i * tile.row_stride + j * kBlock + lane);
    transform_input<P>(x, y);
    KISSA_UNROLL(8)
    for (int i = 0; i < P; ++i) half[i][j] = y[i];
  }
  float* dst = tile.dst + lane;
  KISSA_UNROLL(8)
  for (int i = 0; i < P; ++i) {
    Vec y[P];
    transform_input<P>(half[i], y);
    KISSA_UNROLL(8)
    for (int j = 0; j < P; ++j, dst += tile.point_stride) store_point(dst, y[j]);
  }
}

template <int P>
void winograd_input(const WinogradInput& tile) noexcept {
  for (int lane = 0; lane < kBlock; lane += kLanes)
    transform_input_points<P>(tile, lane, [](float* dst, Vec v) { store(dst, v); });
}

template <int P, int M>
KISSA_INLINE void transform_output_vec(const WinogradOutput& tile, int lane) {
  Vec half[M][P];
  KISSA_UNROLL(8)
  for (int j = 0; j < P; ++j) {
    Vec x[P], y[M];
    KISSA_UNROLL(8)
    for (int i = 0; i < P; ++i) x[i] = load(tile.src + (i * P + j) * tile.point_stride + lane);
    transform_output<P, M>(x, y);
    KISSA_UNROLL(8)
    for (int i = 0; i < M; ++i) half[i][j] = y[i];
  }
  const Vec bias = load(tile.bias + lane);
  const Vec low = broadcast(tile.low);
  const Vec high = broadcast(tile.high);
  float* dst = tile.dst + lane;
  const auto finish_row = [&](int i, Vec(&y)[M]) __attribute__((always_inline)) {
    transform_output<P, M>(half[i], y);
    KISSA_UNROLL(8)
    for (int j = 0; j < M; ++j) y[j] = min(high, max(low, y[j] + bias));
  };
  if (tile.rows == M && tile.columns == M) {
    KISSA_UNROLL(8)
    for (int i = 0; i < M; ++i) {
      Vec y[M];
      finish_row(i, y);
      KISSA_UNROLL(8)
      for (int j = 0; j < M; ++j) store(dst + i * tile.row_stride + j * kBlock, y[j]);
    }
  } else {
    for (int i = 0; i < tile.rows; ++i) {
      Vec y[M];
      finish_row(i, y);
      for (int j = 0; j < tile.columns; ++j) store(dst + i * tile.row_stride + j * kBlock, y[j]);
    }
  }
}

template <int P, int M>
void winograd_output(const WinogradOutput& tile) noexcept {
  for (int lane = 0; lane < kBlock; lane += kLanes) transform_output_vec<P, M>(tile, lane);
}

// In the order of WinogradKind.
constexpr WinogradKernels kWinogradKernels = {
    .input = {winograd_input<4>, winograd_input<6>, winograd_input<8>, winograd_input<8>,
              winograd_input<8>},
    .output = {winograd_output<4, 2>, winograd_output<6, 4>, winograd_output<8, 6>,
               winograd_output<8, 4>, winograd_output<8, 5>},
};

}  // namespace
}  // namespace kissa::cpu
