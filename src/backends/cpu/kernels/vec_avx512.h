// Vec of 16 floats: AVX-512 with F, BW, DQ and VL.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the deliberately undefined operands in its own header for uninitialised variables.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

namespace kissa::cpu {
namespace {

constexpr int kLanes = 16;
constexpr int kRegisters = 32;
constexpr int kRsqrtBits = 14;
using Vec = float __attribute__((vector_size(64)));
using Fp16Vec = unsigned short __attribute__((vector_size(32)));

inline Vec broadcast(float x) { return _mm512_set1_ps(x); }

// min and max give b where a or b is not a number. rsqrt_estimate: 1 / sqrt(x) within
// 2^-kRsqrtBits of it, for normal x > 0.
inline Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec rsqrt_estimate(Vec x) { return _mm512_rsqrt14_ps(x); }

inline Vec widen_fp16(Fp16Vec v) { return _mm512_cvtph_ps(reinterpret_cast<__m256i>(v)); }
inline Fp16Vec narrow_fp16(Vec v) {
  return reinterpret_cast<Fp16Vec>(
      _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

}  // namespace
}  // namespace kissa::cpu

#include "backends/cpu/kernels/vec_common.h"
