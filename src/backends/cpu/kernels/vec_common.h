// What the vectors of all instruction sets share. Included by vec_<isa>.h, which defines before it
//   kLanes, kRegisters (vectors that it holds at once), kRsqrtBits, Vec (kLanes floats, with + - *
//   / of the compiler's vector extension), broadcast, min, max and rsqrt_estimate;
//   Fp16Vec (kLanes numbers of IEEE binary16), widen_fp16 (exact) and narrow_fp16 (to nearest, ties
//   to even; beyond 65504 infinity; what is not a number stays so).
// a * b + c becomes one fused operation where there is one: the files of this folder are compiled
// with -ffp-contract=fast.
#pragma once

// Before a loop with a constant number of rounds, at most n.
#define KISSA_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define KISSA_UNROLL(n) KISSA_PRAGMA(unroll n)
#else
#define KISSA_UNROLL(n) KISSA_PRAGMA(GCC unroll n)
#endif
#define KISSA_INLINE [[gnu::always_inline]] inline

namespace kissa::cpu {
namespace {

constexpr int kBlock = 16;              // channels of a block: base/tensor.h, kChannelBlock
constexpr int kVecs = kBlock / kLanes;  // vectors that a block takes

// From any address.
KISSA_INLINE Vec load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
KISSA_INLINE void store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }

// kLanes numbers in FP16.
KISSA_INLINE Vec load_fp16(const void* p) {
  Fp16Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return widen_fp16(v);
}
KISSA_INLINE void store_fp16(void* p, Vec v) {
  const Fp16Vec half = narrow_fp16(v);
  __builtin_memcpy(p, &half, sizeof half);
}

// Hints: they never fault, so that any address will do.
KISSA_INLINE void prefetch_l1(const void* p) { __builtin_prefetch(p, 0, 3); }
KISSA_INLINE void prefetch_l2(const void* p) { __builtin_prefetch(p, 0, 2); }

}  // namespace
}  // namespace kissa::cpu
