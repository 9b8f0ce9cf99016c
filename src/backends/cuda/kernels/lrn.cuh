// LRN across channels, in FP32.
#pragma once

#include <cuda_runtime.h>

#include "backends/cuda/kernels/nhwc.h"

namespace kissa::cuda {

__device__ inline float fast_sqrt(float x) {
  float root;
  asm("sqrt.approx.ftz.f32 %0,%1;" : "=f"(root) : "f"(x));
  return root;
}

__device__ inline float fast_rsqrt(float x) {
  float root;
  asm("rsqrt.approx.ftz.f32 %0,%1;" : "=f"(root) : "f"(x));
  return root;
}

// bracket^-0.75
__device__ inline float inverse_three_quarters(float bracket) {
  const float root = fast_rsqrt(bracket);
  return root * fast_sqrt(root);
}

// LRN of the inner channels of x, which has kReach neighbours on each side of them.
template <int kReach, int kInner>
__device__ void apply_lrn(const LrnParameters& lrn, const float (&x)[kInner + 2 * kReach],
                          float (&y)[kInner]) {
  float squares[kInner + 2 * kReach];
#pragma unroll
  for (int i = 0; i < kInner + 2 * kReach; ++i) squares[i] = x[i] * x[i];
  float pairs[kInner + 2 * kReach - 1];
#pragma unroll
  for (int i = 0; i + 1 < kInner + 2 * kReach; ++i) pairs[i] = squares[i] + squares[i + 1];
  float brackets[kInner];
#pragma unroll
  for (int i = 0; i < kInner; ++i) {
    float sum = 0.0f;
    if constexpr (kReach == 2) {
      sum = pairs[i] + pairs[i + 2] + squares[i + 4];
    } else {
#pragma unroll
      for (int d = 0; d <= 2 * kReach; ++d)
        if (d >= kReach - lrn.reach && d <= kReach + lrn.reach) sum += squares[i + d];
    }
    brackets[i] = lrn.k + lrn.alpha * sum;
  }
  // One branch for all: the code that runs lies in a row.
  if (lrn.beta == 0.75f) {
#pragma unroll
    for (int i = 0; i < kInner; ++i) y[i] = x[i + kReach] * inverse_three_quarters(brackets[i]);
  } else {
#pragma unroll
    for (int i = 0; i < kInner; ++i) y[i] = x[i + kReach] * powf(brackets[i], -lrn.beta);
  }
}

}  // namespace kissa::cuda
