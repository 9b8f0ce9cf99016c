// Vec of 8 floats: AVX2 with FMA.
#pragma once

#include <immintrin.h>

namespace kissa::cpu {
namespace {

constexpr int kLanes = 8;
constexpr int kRegisters = 16;
constexpr int kRsqrtBits = 11;
using Vec = float __attribute__((vector_size(32)));

inline Vec broadcast(float x) { return _mm256_set1_ps(x); }

// min and max give b where a or b is not a number. rsqrt_estimate: 1 / sqrt(x) within
// 2^-kRsqrtBits of it, for normal x > 0.
inline Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec rsqrt_estimate(Vec x) { return _mm256_rsqrt_ps(x); }

}  // namespace
}  // namespace kissa::cpu

#include "backends/cpu/kernels/vec_common.h"
