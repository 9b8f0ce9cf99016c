// Bf16Kernels on AVX-512 with its BF16 extension. The products of a pair are added in FP32, exactly
// but for the rounding of the sum (and with denormals taken for zero).
#pragma once

#include "backends/cpu/kernels/bf16.h"
#include "backends/cpu/kernels/gemm_inl.h"
#include "backends/cpu/kernels/winograd_inl.h"

namespace kissa::cpu {
namespace {

struct Bf16Pairs {
  KISSA_INLINE static Vec multiply_add(Vec acc, Vec x, Vec w) {
    return _mm512_dpbf16_ps(acc, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(w));
  }
};

struct Bf16Tiles {
  template <int N, int M>
  static void run(const GemmTile& tile) noexcept {
    gemm_tile<Bf16Pairs, N, M>(tile);
  }
};

void pack_bf16(const Bf16Pack& job) noexcept {
  const Vec zero = broadcast(0.0f);
  for (long i = 0; i < job.pixels; ++i) {
    const long at = i * job.step * kBlock;
    const Vec low = load(job.first + at);
    const Vec high = job.second != nullptr ? load(job.second + at) : zero;
    store(job.dst + i * kBlock, reinterpret_cast<Vec>(_mm512_cvtne2ps_pbh(high, low)));
  }
}

void winograd_input_bf16(const WinogradInput& tile) noexcept {
  constexpr int kPoints = kWinogradSizes[kF2x3].points;
  transform_input_points<kPoints>(tile, 0, [&](float* dst, Vec v) {
    const __m256bh rounded = _mm512_cvtneps_pbh(v);
    __builtin_memcpy(dst, &rounded, sizeof rounded);
  });
}

constexpr Bf16Kernels make_bf16_kernels(const char* isa) {
  return {
      .isa = isa,
      .pairs_multiple = 1,
      .gemm = make_gemm_kernels<Bf16Tiles>(),
      .pack = pack_bf16,
      .winograd_input = winograd_input_bf16,
  };
}

}  // namespace
}  // namespace kissa::cpu
