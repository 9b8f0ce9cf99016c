// ActivationParams on Vec.
#pragma once

#include "backends/cpu/kernels/activation.h"

namespace kissa::cpu {
namespace {

KISSA_INLINE Vec leaky_relu(Vec x, Vec slope) { return max(Vec{}, x) + slope * min(Vec{}, x); }

KISSA_INLINE Vec clamp(Vec x, float low, float high) {
  return min(broadcast(high), max(broadcast(low), x));
}

KISSA_INLINE Vec activate(const ActivationParams& params, Vec x) {
  if (params.leaky) return leaky_relu(x, broadcast(params.slope));
  return clamp(x, params.low, params.high);
}

}  // namespace
}  // namespace kissa::cpu
