// Vec of 4 floats: SSE2, NEON, or what the compiler makes of it.
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace kissa::cpu {
namespace {

constexpr int kLanes = 4;
#if defined(__aarch64__)
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif
constexpr int kRsqrtBits = 11;
using Vec = float __attribute__((vector_size(16)));

inline Vec broadcast(float x) { return Vec{x, x, x, x}; }

// min and max give b where a or b is not a number. rsqrt_estimate: 1 / sqrt(x) within
// 2^-kRsqrtBits of it, for normal x > 0.
#if defined(__SSE2__)
inline Vec min(Vec a, Vec b) { return _mm_min_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm_max_ps(a, b); }
inline Vec rsqrt_estimate(Vec x) { return _mm_rsqrt_ps(x); }
#elif defined(__ARM_NEON)
inline Vec min(Vec a, Vec b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
inline Vec max(Vec a, Vec b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline Vec rsqrt_estimate(Vec x) {
  const Vec r = vrsqrteq_f32(x);  // within 2^-8
  return r * vrsqrtsq_f32(x * r, r);
}
#else
inline Vec min(Vec a, Vec b) { return a < b ? a : b; }
inline Vec max(Vec a, Vec b) { return a > b ? a : b; }
inline Vec rsqrt_estimate(Vec x) {
  for (int i = 0; i < kLanes; ++i) x[i] = 1.0f / __builtin_sqrtf(x[i]);
  return x;
}
#endif

}  // namespace
}  // namespace kissa::cpu

#include "backends/cpu/kernels/vec_common.h"
