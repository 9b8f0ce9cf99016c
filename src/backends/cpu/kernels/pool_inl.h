// Max and average pooling, written once for both methods.
//
// Fast windows (K x K, K <= 3, column stride S): a column of the window is folded over its rows
// once and kept for the next window that it lies in:
//
//      x:  -1   0   1   2   3          K = 3, S = 2, pad = 1
//      q0 [c-1  c0  c1]                3 rows x 2 new columns a window: 6 loads, not 9
//      q1          [c1  c2  c3]
//
// Any other window is folded element by element. Memory bounds both: the plane of a block is read
// once from L2, and the 3 rows in use lie in L1.
#pragma once

#include "backends/cpu/kernels/lanes_inl.h"
#include "backends/cpu/kernels/pool.h"

namespace kissa::cpu {
namespace {

// A method folds elements into an accumulator and finishes it with the window's size: how many
// elements of the padded image it covers, perhaps 0 or less.
struct Maximum {
  static Vec start() { return broadcast(-__FLT_MAX__); }
  static Vec fold(Vec acc, Vec x) { return max(x, acc); }  // leaves out what is not a number
  static Vec finish(Vec acc, float) { return acc; }
};
struct Average {
  static Vec start() { return Vec{}; }
  static Vec fold(Vec acc, Vec x) { return acc + x; }
  static Vec finish(Vec acc, float size) { return acc * (1.0f / size); }
};

// One axis of one window: its size in the padded image, and the elements inside the image.
struct Span {
  std::int64_t size, begin, end;
};

KISSA_INLINE Span span_at(const PoolAxis& axis, std::int64_t place) {
  const std::int64_t begin = place * axis.stride - axis.pad;
  std::int64_t end = begin + axis.kernel;
  if (end > axis.extent + axis.pad) end = axis.extent + axis.pad;
  return {end - begin, begin < 0 ? 0 : begin, end < axis.extent ? end : axis.extent};
}

KISSA_INLINE void clear_lanes(float* block, int channels) {
  for (int lane = channels; lane < kBlock; ++lane) block[lane] = 0.0f;
}

template <class Method>
void pool_row_any(const PoolTile& t, const Span& rows, float* dst) {
  for (std::int64_t q = t.column_begin; q < t.column_end; ++q, dst += kBlock) {
    const Span columns = span_at(t.columns, q);
    const auto size = static_cast<float>(rows.size * columns.size);
    for (int lane = 0; lane < kBlock; lane += kLanes) {
      Vec acc = Method::start();
      for (std::int64_t h = rows.begin; h < rows.end; ++h)
        for (std::int64_t w = columns.begin; w < columns.end; ++w)
          acc = Method::fold(acc, load(t.src + (h * t.columns.extent + w) * kBlock + lane));
      store(dst + lane, Method::finish(acc, size));
    }
    if (rows.begin >= rows.end || columns.begin >= columns.end) clear_lanes(dst, t.channels);
  }
}

// `src`: the first of Rows rows that lie in both window and image.
template <class Method, int K, int S, int Rows>
void pool_row(const PoolTile& t, const float* src, float row_size, float* dst) {
  const std::int64_t pitch = t.columns.extent * kBlock;
  const auto column = [&](std::int64_t x) {
    Vec acc = Method::start();
    if (x < 0 || x >= t.columns.extent) return acc;
    KISSA_UNROLL(3)
    for (int r = 0; r < Rows; ++r) acc = Method::fold(acc, load(src + r * pitch + x * kBlock));
    return acc;
  };
  std::int64_t x = t.column_begin * S - t.columns.pad;  // of the next new column
  Vec columns[K];
  KISSA_UNROLL(3)
  for (int i = 0; i < K - S; ++i) columns[i] = column(x++);
  for (std::int64_t q = t.column_begin; q < t.column_end; ++q, dst += kBlock) {
    KISSA_UNROLL(3)
    for (int i = K - S; i < K; ++i) columns[i] = column(x++);
    Vec acc = columns[0];
    KISSA_UNROLL(3)
    for (int i = 1; i < K; ++i) acc = Method::fold(acc, columns[i]);
    store(dst, Method::finish(acc, row_size * static_cast<float>(span_at(t.columns, q).size)));
    KISSA_UNROLL(3)
    for (int i = 0; i < K - S; ++i) columns[i] = columns[i + S];
  }
}

template <class Method, int K, int S>
void pool_tile(const PoolTile& t) {
  float* dst = t.dst;
  for (std::int64_t p = t.row_begin; p < t.row_end; ++p, dst += t.dst_row) {
    const Span rows = span_at(t.rows, p);
    const auto size = static_cast<float>(rows.size);
    const float* src = t.src + rows.begin * t.columns.extent * kBlock;
    for (int lane = 0; lane < kBlock; lane += kLanes) {
      switch (rows.end - rows.begin) {
        case 1: pool_row<Method, K, S, 1>(t, src + lane, size, dst + lane); break;
        case 2: pool_row<Method, K, S, 2>(t, src + lane, size, dst + lane); break;
        default: pool_row<Method, K, S, K>(t, src + lane, size, dst + lane); break;
      }
    }
  }
}

template <class Method>
void pool_tile_any(const PoolTile& t) {
  float* dst = t.dst;
  for (std::int64_t p = t.row_begin; p < t.row_end; ++p, dst += t.dst_row)
    pool_row_any<Method>(t, span_at(t.rows, p), dst);
}

// Windows of at most 3 rows that overlap or touch, so that none is empty.
template <class Method>
void pool(const PoolTile& t) noexcept {
  const bool is_square = t.rows.kernel == t.columns.kernel && t.rows.stride <= t.rows.kernel;
  const std::int64_t k = is_square ? t.columns.kernel : 0;
  const std::int64_t s = t.columns.stride;
  if (k == 3 && s == 2) return pool_tile<Method, 3, 2>(t);
  if (k == 3 && s == 1) return pool_tile<Method, 3, 1>(t);
  if (k == 2 && s == 2) return pool_tile<Method, 2, 2>(t);
  pool_tile_any<Method>(t);
}

template <class Method>
void pool_global(const float* src, std::int64_t pixels, float* dst, int channels) noexcept {
  constexpr int kChains = 4;  // additions under way at once
  for (int lane = 0; lane < channels; lane += kLanes) {
    Vec acc[kChains];
    for (Vec& a : acc) a = Method::start();
    std::int64_t i = 0;
    for (; i + kChains <= pixels; i += kChains) {
      KISSA_UNROLL(4)
      for (int c = 0; c < kChains; ++c)
        acc[c] = Method::fold(acc[c], load(src + (i + c) * kBlock + lane));
    }
    for (; i < pixels; ++i) acc[0] = Method::fold(acc[0], load(src + i * kBlock + lane));
    const Vec all = Method::fold(Method::fold(acc[0], acc[1]), Method::fold(acc[2], acc[3]));
    const Vec result = Method::finish(all, static_cast<float>(pixels));
    const int count = channels - lane < kLanes ? channels - lane : kLanes;
    if (count == kLanes)
      store(dst + lane, result);
    else
      store_part(dst + lane, result, count);
  }
}

constexpr PoolKernels kPoolKernels = {
    .max = pool<Maximum>,
    .average = pool<Average>,
    .global_max = pool_global<Maximum>,
    .global_average = pool_global<Average>,
};

}  // namespace
}  // namespace kissa::cpu
