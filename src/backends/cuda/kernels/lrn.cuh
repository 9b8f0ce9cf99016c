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

// bracket^-beta
__device__ inline float lrn_scale(float bracket, float beta) {
  if (beta != 0.75f) return powf(bracket, -beta);
  const float root = rsqrtf(bracket);
  return root * fast_sqrt(root);
}

// LRN of the inner channels of x, which has kReach neighbours on each side of them.
template <int kReach, int kInner>
__device__ void apply_lrn(const LrnParameters& lrn, const float (&x)[kInner + 2 * kReach],
                          float (&y)[kInner]) {
  float squares[kInner + 2 * kReach];
#pragma unroll
  for (int i = 0; i < kInner + 2 * kReach; ++i) squares[i] = x[i] * x[i];
#pragma unroll
  for (int i = 0; i < kInner; ++i) {
    float sum = 0.0f;
#pragma unroll
    for (int d = 0; d <= 2 * kReach; ++d)
      if (kReach == 2 || (d >= kReach - lrn.reach && d <= kReach + lrn.reach))
        sum += squares[i + d];
    y[i] = x[i + kReach] * lrn_scale(lrn.k + lrn.alpha * sum, lrn.beta);
  }
}

}  // namespace kissa::cuda
