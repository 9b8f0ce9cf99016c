// ActivationParams on Vec.
#pragma once

#include "backends/cpu/kernels/activation.h"

namespace kissa::cpu {
namespace {

KISSA_INLINE Vec activate(const ActivationParams& params, Vec x) {
  if (params.leaky) return max(Vec{}, x) + broadcast(params.slope) * min(Vec{}, x);
  return min(broadcast(params.high), max(broadcast(params.low), x));
}

}  // namespace
}  // namespace kissa::cpu
