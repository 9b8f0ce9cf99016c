// Moves between the lanes of vectors, and vectors of less than kLanes floats. On the Vec included
// before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>  // types only: nothing of it reaches an object

namespace kissa::cpu {
namespace {

using IntVec = int __attribute__((vector_size(sizeof(Vec))));

KISSA_INLINE IntVec bits_of(Vec v) { return __builtin_bit_cast(IntVec, v); }
KISSA_INLINE Vec vec_of_bits(IntVec v) { return __builtin_bit_cast(Vec, v); }

// The lanes of a where the mask, a comparison of vectors, holds; else those of b.
KISSA_INLINE Vec select(IntVec mask, Vec a, Vec b) {
  return vec_of_bits((mask & bits_of(a)) | (~mask & bits_of(b)));
}

// The first `count` <= kLanes floats at p, and `fill` behind them.
KISSA_INLINE Vec load_part(const float* p, std::int64_t count, float fill) {
  Vec v = broadcast(fill);
  __builtin_memcpy(&v, p, static_cast<std::size_t>(count) * sizeof(float));
  return v;
}
KISSA_INLINE void store_part(float* p, Vec v, std::int64_t count) {
  __builtin_memcpy(p, &v, static_cast<std::size_t>(count) * sizeof(float));
}

// The first `count` floats at p, or kLanes where there are more.
KISSA_INLINE Vec load_some(const float* p, std::int64_t count) {
  return count >= kLanes ? load(p) : load_part(p, count, 0.0f);
}
KISSA_INLINE void store_some(float* p, Vec v, std::int64_t count) {
  if (count >= kLanes)
    store(p, v);
  else
    store_part(p, v, count);
}

using LaneNumbers = std::make_integer_sequence<int, kLanes>;

template <int n, int... lane>
KISSA_INLINE Vec shift_in(Vec a, Vec b, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(a, b, (lane + n)...);
}
// Lanes n, n + 1, ... of a followed by b, 0 <= n < kLanes.
template <int n>
KISSA_INLINE Vec shift_in(Vec a, Vec b) {
  return shift_in<n>(a, b, LaneNumbers());
}

template <int from, int... lane>
KISSA_INLINE Vec interleave(Vec a, Vec b, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(a, b, (from + lane / 2 + lane % 2 * kLanes)...);
}
// Lanes a0 b0 a1 b1 ... of the lower and of the upper halves.
KISSA_INLINE Vec interleave_low(Vec a, Vec b) { return interleave<0>(a, b, LaneNumbers()); }
KISSA_INLINE Vec interleave_high(Vec a, Vec b) {
  return interleave<kLanes / 2>(a, b, LaneNumbers());
}

template <int from, int... lane>
KISSA_INLINE Vec every_second(Vec a, Vec b, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(a, b, (from + 2 * lane)...);
}
// Lanes 0, 2, ... of a followed by b, and lanes 1, 3, ...: the reverse of interleaving.
KISSA_INLINE Vec even_lanes(Vec a, Vec b) { return every_second<0>(a, b, LaneNumbers()); }
KISSA_INLINE Vec odd_lanes(Vec a, Vec b) { return every_second<1>(a, b, LaneNumbers()); }

// Rows become columns. log2(kLanes) rounds, each of which interleaves row i with row i + kLanes / 2
// into rows 2 i and 2 i + 1.
KISSA_INLINE void transpose(Vec (&rows)[kLanes]) {
  Vec next[kLanes];
  KISSA_UNROLL(4)
  for (int round = 1; round < kLanes; round *= 2) {
    KISSA_UNROLL(8)
    for (int i = 0; i < kLanes / 2; ++i) {
      next[2 * i] = interleave_low(rows[i], rows[i + kLanes / 2]);
      next[2 * i + 1] = interleave_high(rows[i], rows[i + kLanes / 2]);
    }
    KISSA_UNROLL(16)
    for (int i = 0; i < kLanes; ++i) rows[i] = next[i];
  }
}

// NaN only where every lane is.
KISSA_INLINE float largest_of(Vec v) {
  float best = v[0];
  for (int i = 1; i < kLanes; ++i) best = v[i] > best || best != best ? v[i] : best;
  return best;
}
KISSA_INLINE float sum_of(Vec v) {
  float sum = v[0];
  for (int i = 1; i < kLanes; ++i) sum += v[i];
  return sum;
}

}  // namespace
}  // namespace kissa::cpu
