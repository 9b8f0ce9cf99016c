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
using Fp16Vec = unsigned short __attribute__((vector_size(8)));

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

using Bits = unsigned __attribute__((vector_size(sizeof(Vec))));

inline Bits choose(Bits mask, Bits a, Bits b) { return (mask & a) | (~mask & b); }

// A half's exponent and mantissa in their places of a float, times 2^112, is its value, subnormal
// or not.
inline Vec widen_fp16(Fp16Vec v) {
  const Bits bits = __builtin_convertvector(v, Bits);
  const Bits magnitude = (bits & 0x7fff) << 13;
  const Bits value = __builtin_bit_cast(Bits, __builtin_bit_cast(Vec, magnitude) * 0x1p112f);
  const auto is_finite = __builtin_bit_cast(Bits, magnitude < 0x7c00u << 13);
  return __builtin_bit_cast(Vec, choose(is_finite, value, magnitude | 0x7f800000) | (bits & 0x8000)
                                                                                        << 16);
}

inline Fp16Vec narrow_fp16(Vec v) {
  const Bits bits = __builtin_bit_cast(Bits, v);
  const Bits magnitude = bits & 0x7fffffff;
  // Normal: the exponent's bias goes from 127 to 15, what is cut off rounds the rest.
  const Bits normal = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
  // Subnormal: beside 1/2 a float's last bit is worth 2^-24, as a subnormal half's.
  const Bits subnormal =
      __builtin_bit_cast(Bits, __builtin_bit_cast(Vec, magnitude) + 0.5f) - 0x3f000000;
  const auto is_less = [&](unsigned limit) { return __builtin_bit_cast(Bits, magnitude < limit); };
  const Bits special = choose(is_less(0x7f800001), Bits{} + 0x7c00, Bits{} + 0x7e00);
  const Bits finite = choose(is_less(0x38800000), subnormal, normal);
  const Bits half = choose(is_less(0x477ff000), finite, special);
  return __builtin_convertvector(half | (bits >> 16 & 0x8000), Fp16Vec);
}

}  // namespace
}  // namespace kissa::cpu

#include "backends/cpu/kernels/vec_common.h"
