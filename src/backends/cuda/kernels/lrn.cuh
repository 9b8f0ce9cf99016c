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

// `start` and the squares of each channel and its 2 neighbours on each side. Neighbouring sums
// share the four squares that both have.
template <int kInner>
__device__ __forceinline__ void sum_squares(const float (&x)[kInner + 4], float start,
                                            float (&sums)[kInner]) {
  static_assert(kInner % 2 == 0);
  float pairs[kInner / 2 + 1];
#pragma unroll
  for (int i = 0; i <= kInner / 2; ++i) {
    const float first = x[2 * i + 1];
    const float second = x[2 * i + 2];
    pairs[i] = second * second + (first * first + start);
  }
#pragma unroll
  for (int i = 0; i < kInner / 2; ++i) {
    const float shared = pairs[i] + pairs[i + 1];
    sums[2 * i] = x[2 * i] * x[2 * i] + shared;
    sums[2 * i + 1] = x[2 * i + 5] * x[2 * i + 5] + shared;
  }
}

// LRN of the inner channels of x, which has kReach neighbours on each side of them.
template <int kReach, int kInner>
__device__ void apply_lrn(const LrnParameters& lrn, const float (&x)[kInner + 2 * kReach],
                          float (&y)[kInner]) {
  float sums[kInner];
  if constexpr (kReach == 2) {
    sum_squares<kInner>(x, 0.0f, sums);
  } else {
#pragma unroll
    for (int i = 0; i < kInner; ++i) {
      sums[i] = 0.0f;
#pragma unroll
      for (int d = 0; d <= 2 * kReach; ++d)
        if (d >= kReach - lrn.reach && d <= kReach + lrn.reach) sums[i] += x[i + d] * x[i + d];
    }
  }
  float brackets[kInner];
#pragma unroll
  for (int i = 0; i < kInner; ++i) brackets[i] = lrn.k + lrn.alpha * sums[i];
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
