// Vec of 8 floats: AVX2 with FMA.
#pragma once

#include <immintrin.h>

namespace kissa::cpu {
namespace {

constexpr int kLanes = 8;
using Vec = float __attribute__((vector_size(32)));

inline Vec broadcast(float x) { return _mm256_set1_ps(x); }

// min and max give b where a or b is not a number. rsqrt: 1 / sqrt(x) within 3e-7 of it, for normal
// x > 0.
inline Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec rsqrt(Vec x) {
  Vec r = _mm256_rsqrt_ps(x);
  r = r * (1.5f - 0.5f * x * r * r);
  return r * (1.5f - 0.5f * x * r * r);
}

}  // namespace
}  // namespace kissa::cpu

#include "backends/cpu/kernels/vec_common.h"
