// The rest of an epilogue, and the peak of products, on Vec.
#pragma once

#include "backends/cpu/kernels/activation_inl.h"
#include "backends/cpu/kernels/finish.h"

namespace kissa::cpu {
namespace {

// activate(x, v): of the block's v-th vector.
template <class Activate>
KISSA_INLINE void finish_blocks(const FinishRun& run, const Activate& activate) {
  for (long i = 0; i < run.count; i += kBlock) {
    KISSA_UNROLL(4)
    for (int v = 0; v < kVecs; ++v) {
      const long at = i + v * kLanes;
      Vec x = load(run.dst + at);
      if (run.residual != nullptr) x += load(run.residual + at);
      store(run.dst + at, activate(x, v));
    }
  }
}

void finish_run(const FinishRun& run) noexcept {
  if (run.slope != nullptr)
    finish_blocks(run, [&](Vec x, int v) { return leaky_relu(x, load(run.slope + v * kLanes)); });
  else
    finish_blocks(run, [&](Vec x, int) { return clamp(x, run.low, run.high); });
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
