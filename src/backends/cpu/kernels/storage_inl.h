// How a tensor's numbers are stored, for kernels that are written once for FP32, BF16 and FP16. On
// the Vec included before.
//
// A vector of memory is kLanes floats, or in 16 bits as many pairs of neighbouring channels:
//
//   memory   [ 1:0 | 3:2 | 5:4 | ... ]       widened   even [ 0 | 2 | 4 | ... ]
//                                                      odd  [ 1 | 3 | 5 | ... ]
//
// One shift and one mask widen BF16, and nothing crosses lanes. Arithmetic is FP32; storing rounds
// to nearest even.
#pragma once

#include "backends/cpu/kernels/lanes_inl.h"

namespace kissa::cpu {
namespace {

struct Pair {
  Vec even;
  Vec odd;
};

// f of one number or of several together, for every vector of a Vec or a Pair.
template <class F, class... Rest>
KISSA_INLINE Vec each(const F& f, const Vec& x, const Rest&... rest) {
  return f(x, rest...);
}
template <class F, class... Rest>
KISSA_INLINE Pair each(const F& f, const Pair& x, const Rest&... rest) {
  return {f(x.even, rest.even...), f(x.odd, rest.odd...)};
}

// A storage's Value is a vector of memory as FP32: kParts vectors. widen and narrow go from memory
// to it and back, read and write at an address. What is not a number stays so if it came from such
// memory or from arithmetic on it, with narrow_any wherever it came from. narrow_exact is for
// numbers that need no rounding, and cuts off what may be there.
struct Fp32Storage {
  using Value = Vec;
  static constexpr int kParts = 1;
  static constexpr int kDigits = 24;  // binary, that a number keeps

  KISSA_INLINE static Vec widen(Vec memory) { return memory; }
  KISSA_INLINE static Vec read(const float* p) { return load(p); }
  KISSA_INLINE static void write(float* p, Vec v) { store(p, v); }
  KISSA_INLINE static Vec narrow(Vec v) { return v; }
  KISSA_INLINE static Vec narrow_any(Vec v) { return v; }
  KISSA_INLINE static Vec narrow_exact(Vec v) { return v; }
  // The Value whose part p is part(p), and part p of a Value.
  template <class Part>
  KISSA_INLINE static Vec of(const Part& part) {
    return part(0);
  }
  KISSA_INLINE static Vec part(const Vec& v, int) { return v; }
  // Kept in FP32 at p.
  KISSA_INLINE static Vec load_wide(const float* p) { return load(p); }
  KISSA_INLINE static void store_wide(float* p, Vec v) { store(p, v); }
  // A Value of neighbouring numbers in FP32, and the first `count` of them or all.
  KISSA_INLINE static Vec load_in_order(const float* p) { return load(p); }
  KISSA_INLINE static void store_in_order(float* p, Vec v, std::int64_t count) {
    store_some(p, v, count);
  }
  // Clears the channels of a pixel's block behind the first `channels`.
  KISSA_INLINE static void clear_behind(float* block, int channels) {
    for (int lane = channels; lane < kBlock; ++lane) block[lane] = 0.0f;
  }
};

// Either of 16 bits, in pairs.
struct PairStorage {
  using Value = Pair;
  static constexpr int kParts = 2;

  template <class Part>
  KISSA_INLINE static Pair of(const Part& part) {
    return {part(0), part(1)};
  }
  KISSA_INLINE static Vec part(const Pair& v, int p) { return p == 0 ? v.even : v.odd; }
  KISSA_INLINE static Pair load_wide(const float* p) { return {load(p), load(p + kLanes)}; }
  KISSA_INLINE static void store_wide(float* p, const Pair& v) {
    store(p, v.even);
    store(p + kLanes, v.odd);
  }
  KISSA_INLINE static Pair load_in_order(const float* p) {
    return from_order(load(p), load(p + kLanes));
  }
  KISSA_INLINE static Pair from_order(Vec low, Vec high) {
    return {even_lanes(low, high), odd_lanes(low, high)};
  }
  KISSA_INLINE static void store_in_order(float* p, const Pair& v, std::int64_t count) {
    store_some(p, interleave_low(v.even, v.odd), count);
    if (count > kLanes) store_some(p + kLanes, interleave_high(v.even, v.odd), count - kLanes);
  }
  KISSA_INLINE static void clear_behind(float* block, int channels) {
    char* bytes = reinterpret_cast<char*>(block);
    __builtin_memset(bytes + 2 * channels, 0,
                     static_cast<std::size_t>(2 * (2 * kBlock - channels)));
  }
};

struct Bf16Storage : PairStorage {
  static constexpr int kDigits = 8;

  KISSA_INLINE static Pair widen(Vec memory) {
    const IntVec pairs = bits_of(memory);
    return {vec_of_bits(pairs << 16), vec_of_bits(pairs & ~0xffff)};
  }
  KISSA_INLINE static Vec narrow(const Pair& v) { return join(rounded(v.even), rounded(v.odd)); }
  KISSA_INLINE static Pair read(const float* p) { return widen(load(p)); }
  KISSA_INLINE static void write(float* p, const Pair& v) { store(p, narrow(v)); }
  KISSA_INLINE static Vec narrow_any(const Pair& v) {
    return narrow({quiet(v.even), quiet(v.odd)});
  }
  KISSA_INLINE static Vec narrow_exact(const Pair& v) {
    return join(__builtin_bit_cast(Words, v.even), __builtin_bit_cast(Words, v.odd));
  }

 private:
  using Words = unsigned __attribute__((vector_size(sizeof(Vec))));

  // The upper half rounded; the lower half is of no meaning.
  KISSA_INLINE static Words rounded(Vec v) {
    const Words bits = __builtin_bit_cast(Words, v);
    return bits + 0x7fff + (bits >> 16 & 1);
  }
  // What is not a number as one that rounding leaves so.
  KISSA_INLINE static Vec quiet(Vec v) { return v == v ? v : broadcast(__builtin_nanf("")); }
  KISSA_INLINE static Vec join(Words even, Words odd) {
    return __builtin_bit_cast(Vec, even >> 16 | (odd & 0xffff0000));
  }
};

// Conversions take neighbouring numbers, so that lanes are sorted into even and odd behind them.
struct Fp16Storage : PairStorage {
  static constexpr int kDigits = 11;

  KISSA_INLINE static Pair widen(Vec memory) {
    return widen(__builtin_bit_cast(Halves, memory), LaneNumbers());
  }
  KISSA_INLINE static Vec narrow(const Pair& v) {
    return narrow(narrow_fp16(interleave_low(v.even, v.odd)),
                  narrow_fp16(interleave_high(v.even, v.odd)), LaneNumbers());
  }
  KISSA_INLINE static Vec narrow_any(const Pair& v) { return narrow(v); }
  KISSA_INLINE static Vec narrow_exact(const Pair& v) { return narrow(v); }
  KISSA_INLINE static Pair read(const float* p) {
    return from_order(load_fp16(p), load_fp16(p + kLanes / 2));
  }
  KISSA_INLINE static void write(float* p, const Pair& v) {
    store_fp16(p, interleave_low(v.even, v.odd));
    store_fp16(p + kLanes / 2, interleave_high(v.even, v.odd));
  }

 private:
  using Halves = unsigned short __attribute__((vector_size(sizeof(Vec))));

  template <int... lane>
  KISSA_INLINE static Pair widen(Halves v, std::integer_sequence<int, lane...>) {
    return from_order(widen_fp16(__builtin_shufflevector(v, v, lane...)),
                      widen_fp16(__builtin_shufflevector(v, v, (lane + kLanes)...)));
  }
  template <int... lane>
  KISSA_INLINE static Vec narrow(Fp16Vec low, Fp16Vec high, std::integer_sequence<int, lane...>) {
    return __builtin_bit_cast(Vec, __builtin_shufflevector(low, high, lane..., (lane + kLanes)...));
  }
};

}  // namespace
}  // namespace kissa::cpu
