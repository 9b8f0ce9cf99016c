// exp, log and what follows from them, on vectors. The polynomials are our own minimax fits (Remez,
// weighted by relative error).
#pragma once

#include "backends/cpu/kernels/lanes_inl.h"

namespace kissa::cpu {
namespace {

// ln 2 in two parts: the first has so few digits that its product with an exponent is exact.
constexpr float kLn2High = 0.693359375f;
constexpr float kLn2Low = -2.12194440e-4f;
constexpr float kInfinity = __builtin_inff();

// 2^n for n in [-126, 127].
KISSA_INLINE Vec power_of_2(IntVec n) { return vec_of_bits((n + 127) << 23); }

// exp(x) = 2^n (1 + fraction), |ln(1 + fraction)| <= ln 2 / 2, for |x| < 1e6.
struct Exponential {
  IntVec n;
  Vec fraction;
};

KISSA_INLINE Exponential split_exp(Vec x) {
  // Adding 1.5 * 2^23 rounds to an integer, which the sum's low bits then hold.
  const Vec magic = broadcast(12582912.0f);
  const Vec shifted = x * 1.44269504f + magic;
  const Vec n = shifted - magic;
  const Vec f = (x - n * kLn2High) - n * kLn2Low;
  Vec q = broadcast(0.00139460512f);
  q = q * f + 0.00836637398f;
  q = q * f + 0.0416662898f;
  q = q * f + 0.166665453f;
  q = q * f + 0.500000006f;
  return {bits_of(shifted) - bits_of(magic), f * f * q + f};
}

// Within 2 units in the last place; 0 and infinity beyond the range, NaN of NaN.
KISSA_INLINE Vec exp(Vec x) {
  const auto [n, fraction] = split_exp(min(broadcast(89.0f), max(broadcast(-104.0f), x)));
  // In two steps, for 2^n itself may be out of range.
  const IntVec half = n >> 1;
  return (fraction + 1.0f) * power_of_2(half) * power_of_2(n - half);
}

// exp(x) - 1 for x <= 88, without cancellation near 0.
KISSA_INLINE Vec expm1(Vec x) {
  const auto [n, fraction] = split_exp(max(broadcast(-80.0f), x));
  const Vec scale = power_of_2(n);
  return scale * fraction + (scale - 1.0f);
}

// Within 2 units in the last place; -infinity of 0, NaN of less and of NaN.
KISSA_INLINE Vec log(Vec x) {
  const IntVec is_tiny = x < __FLT_MIN__;  // 0, or short of digits
  const Vec normal = select(is_tiny, x * 8388608.0f, x);
  // x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2).
  const IntVec e = (bits_of(normal) - 0x3f3504f3) >> 23;
  const Vec f = vec_of_bits(bits_of(normal) - (e << 23)) - 1.0f;
  Vec p = broadcast(-0.0787232810f);
  p = p * f + 0.128785482f;
  p = p * f - 0.131222895f;
  p = p * f + 0.141814336f;
  p = p * f - 0.166253190f;
  p = p * f + 0.200022856f;
  p = p * f - 0.250007847f;
  p = p * f + 0.333333168f;
  const Vec exponent = __builtin_convertvector(e, Vec) - select(is_tiny, broadcast(23.0f), Vec{});
  const Vec low = exponent * kLn2Low + f * f * (p * f - 0.5f);
  const Vec y = exponent * kLn2High + (f + low);
  const Vec special = select(x == 0.0f, broadcast(-kInfinity), broadcast(__builtin_nanf("")));
  return select(x > 0.0f, select(x < kInfinity, y, x), special);
}

// log(1 + u) for u >= 0, without losing a small u.
KISSA_INLINE Vec log1p(Vec u) {
  const Vec sum = u + 1.0f;
  return log(sum) + (u - (sum - 1.0f)) / sum;
}

KISSA_INLINE Vec abs(Vec x) { return vec_of_bits(bits_of(x) & 0x7fffffff); }
// |magnitude| with the sign of `sign`.
KISSA_INLINE Vec with_sign(Vec magnitude, Vec sign) {
  return vec_of_bits((bits_of(magnitude) & 0x7fffffff) | (bits_of(sign) & ~0x7fffffff));
}

// By expm1 of a number that is not positive, so that nothing overflows or cancels.
KISSA_INLINE Vec tanh(Vec x) {
  const Vec t = expm1(abs(x) * -2.0f);
  return with_sign(t / (t + 2.0f), x);
}

KISSA_INLINE Vec sigmoid(Vec x) { return 1.0f / (1.0f + exp(-x)); }

}  // namespace
}  // namespace kissa::cpu
