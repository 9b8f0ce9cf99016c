// Vec of 8 floats: AVX2 with FMA.
#pragma once

#include <immintrin.h>

namespace kissa::cpu {
namespace {

constexpr int kLanes = 8;
constexpr int kRegisters = 16;
constexpr int kRsqrtBits = 11;
using Vec = float __attribute__((vector_size(32)));
using Fp16Vec = unsigned short __attribute__((vector_size(16)));

inline Vec broadcast(float x) { return _mm256_set1_ps(x); }

// min and max give b where a or b is not a number. rsqrt_estimate: 1 / sqrt(x) within
// 2^-kRsqrtBits of it, for normal x > 0.
inline Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec rsqrt_estimate(Vec x) { return _mm256_rsqrt_ps(x); }

inline Vec widen_fp16(Fp16Vec v) { return _mm256_cvtph_ps(reinterpret_cast<__m128i>(v)); }
inline Fp16Vec narrow_fp16(Vec v) {
  return reinterpret_cast<Fp16Vec>(_mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

}  // namespace
}  // namespace kissa::cpu

#include "backends/cpu/kernels/vec_common.h"
