// The rest of an epilogue, and the peak of products, on Vec.
#pragma once

#include "backends/cpu/kernels/finish.h"

namespace kissa::cpu {
namespace {

void finish_run(const FinishRun& run) noexcept {
  const Vec zero = broadcast(0.0f);
  const Vec slope = broadcast(run.slope);
  const Vec low = broadcast(run.low);
  const Vec high = broadcast(run.high);
  for (long i = 0; i < run.count; i += kLanes) {
    Vec x = load(run.dst + i);
    if (run.residual != nullptr) x += load(run.residual + i);
    if (run.leaky)
      x = max(zero, x) + slope * min(zero, x);
    else
      x = min(high, max(low, x));
    store(run.dst + i, x);
  }
}

float peak(long rounds) noexcept {
  Vec acc[kPeakVecs];
  KISSA_UNROLL(16)
  for (int i = 0; i < kPeakVecs; ++i) acc[i] = broadcast(static_cast<float>(i));
  // In memory that the compiler cannot know, so that no product is folded.
  volatile float numbers[2] = {0.999f, 0.001f};
  const Vec factor = broadcast(numbers[0]);
  const Vec term = broadcast(numbers[1]);
  for (long i = 0; i < rounds; ++i) {
    KISSA_UNROLL(16)
    for (int j = 0; j < kPeakVecs; ++j) acc[j] = acc[j] * factor + term;
  }
  Vec sum = acc[0];
  KISSA_UNROLL(16)
  for (int i = 1; i < kPeakVecs; ++i) sum += acc[i];
  return sum[0];
}

}  // namespace
}  // namespace kissa::cpu
