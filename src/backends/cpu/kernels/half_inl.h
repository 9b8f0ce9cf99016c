// HalfKernels in FP16, on Vec.
#pragma once

#include "backends/cpu/kernels/activation_inl.h"
#include "backends/cpu/kernels/half.h"

namespace kissa::cpu {
namespace {

void widen_half_fp16(const float* half, float* dst, const PixelRows& pixels) noexcept {
  for_each_pixel(pixels, [&](long from, long to) {
    KISSA_UNROLL(4)
    for (int v = 0; v < kVecs; ++v)
      store(dst + to + v * kLanes, load_fp16(half + from + v * kLanes / 2));
  });
}

void store_half_fp16(const HalfBlock& out, const float* sums, const PixelRows& pixels) noexcept {
  for_each_pixel(pixels, [&](long to, long from) {
    KISSA_UNROLL(4)
    for (int v = 0; v < kVecs; ++v) {
      const long at = to + v * kLanes / 2;
      Vec x = load(sums + from + v * kLanes);
      if (out.residual != nullptr) x += load_fp16(out.residual + at);
      store_fp16(out.dst + at, out.slope != nullptr ? leaky_relu(x, load(out.slope + v * kLanes))
                                                    : clamp(x, out.low, out.high));
    }
    if (out.is_last) __builtin_memset(out.dst + to + kBlock / 2, 0, 2 * kBlock);
  });
}

void widen_weights(const float* src, long count, float* dst) noexcept {
  for (long i = 0; i < count; i += kLanes) store(dst + i, load_fp16(src + i / 2));
}

constexpr HalfKernels kFp16HalfKernels = {.widen = widen_half_fp16, .store = store_half_fp16};

}  // namespace
}  // namespace kissa::cpu
