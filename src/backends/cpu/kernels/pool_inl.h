// Max and average pooling, written once for both methods and storages.
//
// Fast windows (K x K, K <= 3, column stride S): a column of the window is folded over its rows
// once and kept for the next window that it lies in:
//
//      x:  -1   0   1   2   3          K = 3, S = 2, pad = 1
//      q0 [c-1  c0  c1]                3 rows x 2 new columns a window: 6 loads, not 9
//      q1          [c1  c2  c3]
//
// Maxima at stride 1 are taken for two rows of windows together, which share 2 of their 4 rows: 4
// loads for two windows. Any other window is folded element by element. Memory bounds both: the
// plane of a block is read once from L2, and the 3 rows in use lie in L1.
#pragma once

#include "backends/cpu/kernels/pool.h"
#include "backends/cpu/kernels/storage_inl.h"

namespace kissa::cpu {
namespace {

// A method folds elements into an accumulator and finishes it with the window's size: how many
// elements of the padded image it covers, perhaps 0 or less.
struct Maximum {
  static constexpr bool kIsMaximum = true;  // one of the elements, in whatever order they come
  static Vec start() { return broadcast(-__FLT_MAX__); }
  static Vec fold(Vec acc, Vec x) { return max(x, acc); }  // leaves out what is not a number
  static Vec finish(Vec acc, float) { return acc; }
};
struct Average {
  static constexpr bool kIsMaximum = false;
  static Vec start() { return Vec{}; }
  static Vec fold(Vec acc, Vec x) { return acc + x; }
  static Vec finish(Vec acc, float size) { return acc * (1.0f / size); }
};

// A method on what a storage holds.
template <class Method, class StorageOf>
struct Pooled {
  using Storage = StorageOf;
  using Value = typename Storage::Value;
  static constexpr bool kIsMaximum = Method::kIsMaximum;

  KISSA_INLINE static Value start() {
    return Storage::of([](int) { return Method::start(); });
  }
  KISSA_INLINE static Value fold(const Value& acc, const Value& x) {
    return each([](Vec a, Vec b) { return Method::fold(a, b); }, acc, x);
  }
  KISSA_INLINE static Value fold(const Value& acc, const float* memory) {
    return fold(acc, Storage::read(memory));
  }
  KISSA_INLINE static Value finish(const Value& acc, float size) {
    return each([size](Vec a) { return Method::finish(a, size); }, acc);
  }
  KISSA_INLINE static Vec narrow(const Value& v) {
    return kIsMaximum ? Storage::narrow_exact(v) : Storage::narrow(v);
  }
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

template <class Pool>
void pool_row_any(const PoolTile& t, const Span& rows, float* dst) {
  for (std::int64_t q = t.column_begin; q < t.column_end; ++q, dst += kBlock) {
    const Span columns = span_at(t.columns, q);
    const auto size = static_cast<float>(rows.size * columns.size);
    for (int lane = 0; lane < kBlock; lane += kLanes) {
      auto acc = Pool::start();
      for (std::int64_t h = rows.begin; h < rows.end; ++h)
        for (std::int64_t w = columns.begin; w < columns.end; ++w)
          acc = Pool::fold(acc, t.src + (h * t.columns.extent + w) * kBlock + lane);
      store(dst + lane, Pool::narrow(Pool::finish(acc, size)));
    }
    if (rows.begin >= rows.end || columns.begin >= columns.end)
      Pool::Storage::clear_behind(dst, t.channels);
  }
}

// `src`: the first of Rows rows that lie in both window and image.
template <class Pool, int K, int S, int Rows>
void pool_row(const PoolTile& t, const float* src, float row_size, float* dst) {
  const std::int64_t pitch = t.columns.extent * kBlock;
  const auto column = [&](std::int64_t x) {
    auto acc = Pool::start();
    if (x < 0 || x >= t.columns.extent) return acc;
    KISSA_UNROLL(3)
    for (int r = 0; r < Rows; ++r) acc = Pool::fold(acc, src + r * pitch + x * kBlock);
    return acc;
  };
  std::int64_t x = t.column_begin * S - t.columns.pad;  // of the next new column
  typename Pool::Value columns[K];
  KISSA_UNROLL(3)
  for (int i = 0; i < K - S; ++i) columns[i] = column(x++);
  for (std::int64_t q = t.column_begin; q < t.column_end; ++q, dst += kBlock) {
    KISSA_UNROLL(3)
    for (int i = K - S; i < K; ++i) columns[i] = column(x++);
    auto acc = columns[0];
    KISSA_UNROLL(3)
    for (int i = 1; i < K; ++i) acc = Pool::fold(acc, columns[i]);
    const auto size = row_size * static_cast<float>(span_at(t.columns, q).size);
    store(dst, Pool::narrow(Pool::finish(acc, size)));
    KISSA_UNROLL(3)
    for (int i = 0; i < K - S; ++i) columns[i] = columns[i + S];
  }
}

// Maxima at two rows of places of 3 x 3 windows of stride 1, which share two of the four rows at
// `src`. Sums would depend on which rows are taken together.
template <class Pool>
void max_two_rows(const PoolTile& t, const float* src, float* dst) {
  using Value = typename Pool::Value;
  struct Column {
    Value upper, lower;
  };
  const std::int64_t pitch = t.columns.extent * kBlock;
  const auto column = [&](std::int64_t x) -> Column {
    if (x < 0 || x >= t.columns.extent) return {Pool::start(), Pool::start()};
    const float* first = src + x * kBlock;
    const Value shared = Pool::fold(Pool::fold(Pool::start(), first + pitch), first + 2 * pitch);
    return {Pool::fold(shared, first), Pool::fold(shared, first + 3 * pitch)};
  };
  const std::int64_t begin = t.column_begin - t.columns.pad;
  Column before = column(begin);
  Column own = column(begin + 1);
  for (std::int64_t q = t.column_begin; q < t.column_end; ++q, dst += kBlock) {
    const Column next = column(q - t.columns.pad + 2);
    const Value upper = Pool::fold(Pool::fold(before.upper, own.upper), next.upper);
    const Value lower = Pool::fold(Pool::fold(before.lower, own.lower), next.lower);
    store(dst, Pool::narrow(upper));
    store(dst + t.dst_row, Pool::narrow(lower));
    before = own;
    own = next;
  }
}

// Whether the windows at a row of places and at the next lie in the image with all their rows.
KISSA_INLINE bool has_two_rows(const PoolTile& t, std::int64_t p) {
  const std::int64_t first = p - t.rows.pad;
  return t.rows.stride == 1 && p + 1 < t.row_end && first >= 0 && first + 4 <= t.rows.extent;
}

template <class Pool, int K, int S>
void pool_tile(const PoolTile& t) {
  float* dst = t.dst;
  for (std::int64_t p = t.row_begin; p < t.row_end; ++p, dst += t.dst_row) {
    const Span rows = span_at(t.rows, p);
    const auto size = static_cast<float>(rows.size);
    const float* src = t.src + rows.begin * t.columns.extent * kBlock;
    if constexpr (K == 3 && S == 1 && Pool::kIsMaximum) {
      if (has_two_rows(t, p)) {
        for (int lane = 0; lane < kBlock; lane += kLanes)
          max_two_rows<Pool>(t, src + lane, dst + lane);
        ++p;
        dst += t.dst_row;
        continue;
      }
    }
    for (int lane = 0; lane < kBlock; lane += kLanes) {
      switch (rows.end - rows.begin) {
        case 1: pool_row<Pool, K, S, 1>(t, src + lane, size, dst + lane); break;
        case 2: pool_row<Pool, K, S, 2>(t, src + lane, size, dst + lane); break;
        default: pool_row<Pool, K, S, K>(t, src + lane, size, dst + lane); break;
      }
    }
  }
}

template <class Pool>
void pool_tile_any(const PoolTile& t) {
  float* dst = t.dst;
  for (std::int64_t p = t.row_begin; p < t.row_end; ++p, dst += t.dst_row)
    pool_row_any<Pool>(t, span_at(t.rows, p), dst);
}

// Windows of at most 3 rows that overlap or touch, so that none is empty.
template <class Pool>
void pool(const PoolTile& t) noexcept {
  const bool is_square = t.rows.kernel == t.columns.kernel && t.rows.stride <= t.rows.kernel;
  const std::int64_t k = is_square ? t.columns.kernel : 0;
  const std::int64_t s = t.columns.stride;
  if (k == 3 && s == 2) return pool_tile<Pool, 3, 2>(t);
  if (k == 3 && s == 1) return pool_tile<Pool, 3, 1>(t);
  if (k == 2 && s == 2) return pool_tile<Pool, 2, 2>(t);
  pool_tile_any<Pool>(t);
}

// One window over all pixels, of which a vector of memory lies at src.
template <class Pool>
KISSA_INLINE typename Pool::Value pool_all(const float* src, std::int64_t pixels) {
  constexpr int kChains = 4;  // additions under way at once
  typename Pool::Value acc[kChains];
  for (auto& a : acc) a = Pool::start();
  std::int64_t i = 0;
  for (; i + kChains <= pixels; i += kChains) {
    KISSA_UNROLL(4)
    for (int c = 0; c < kChains; ++c) acc[c] = Pool::fold(acc[c], src + (i + c) * kBlock);
  }
  for (; i < pixels; ++i) acc[0] = Pool::fold(acc[0], src + i * kBlock);
  const auto all = Pool::fold(Pool::fold(acc[0], acc[1]), Pool::fold(acc[2], acc[3]));
  return Pool::finish(all, static_cast<float>(pixels));
}

template <class Pool>
void pool_global(const float* src, std::int64_t pixels, float* dst) noexcept {
  for (int lane = 0; lane < kBlock; lane += kLanes)
    store(dst + lane, Pool::narrow(pool_all<Pool>(src + lane, pixels)));
}

template <class Pool>
void pool_global_to_row(const float* src, std::int64_t pixels, float* dst, int channels) noexcept {
  constexpr int kChannels = kLanes * Pool::Storage::kParts;
  for (int channel = 0; channel < channels; channel += kChannels) {
    const auto result = pool_all<Pool>(src + channel / Pool::Storage::kParts, pixels);
    Pool::Storage::store_in_order(dst + channel, result, channels - channel);
  }
}

template <class Storage>
constexpr PoolKernels make_pool_kernels() {
  using Max = Pooled<Maximum, Storage>;
  using Mean = Pooled<Average, Storage>;
  return {.max = pool<Max>,
          .average = pool<Mean>,
          .global_max = pool_global<Max>,
          .global_average = pool_global<Mean>,
          .global_max_to_row = pool_global_to_row<Max>,
          .global_average_to_row = pool_global_to_row<Mean>};
}

}  // namespace
}  // namespace kissa::cpu
