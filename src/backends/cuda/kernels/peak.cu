// Eight independent chains a thread or warp, long enough to hide each other's latency.
//   FP32: a chain is one multiply-add a thread. Others: one mma.sync of 16 x 8 x k a warp, which is
//   what Kissa's kernels use; on compute capability 9 and above wgmma does more.
#include <cstdint>

#include "backends/cuda/kernels/peak.h"

namespace kissa::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kChains = 8;

__global__ void fp32_peak(int rounds, float* sink) {
  float sums[kChains];
  for (int c = 0; c < kChains; ++c) sums[c] = static_cast<float>(threadIdx.x + c);
  const float factor = 0.999f + 1e-9f * static_cast<float>(rounds);
  for (int i = 0; i < rounds; ++i) {
#pragma unroll
    for (int c = 0; c < kChains; ++c) sums[c] = sums[c] * factor + 0.001f;
  }
  float sum = 0;
  for (int c = 0; c < kChains; ++c) sum += sums[c];
  if (sum == -1.0f) *sink = sum;
}

template <PeakKind Kind>
__device__ void multiply(float (&c)[4], std::uint32_t a, std::uint32_t b) {
#if __CUDA_ARCH__ >= 800
  if constexpr (Kind == PeakKind::kTf32) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, "
        "{%4,%4,%4,%4}, {%5,%5}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a), "r"(b));
  } else if constexpr (Kind == PeakKind::kFp16) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, "
        "{%4,%4,%4,%4}, {%5,%5}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a), "r"(b));
  } else if constexpr (Kind == PeakKind::kBf16) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, "
        "{%4,%4,%4,%4}, {%5,%5}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a), "r"(b));
  } else {
    auto* sums = reinterpret_cast<int*>(c);
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, "
        "{%4,%4,%4,%4}, {%5,%5}, {%0,%1,%2,%3};"
        : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
        : "r"(a), "r"(b));
  }
#endif
}

template <PeakKind Kind>
__global__ void matrix_peak(int rounds, float* sink) {
  float sums[kChains][4] = {};
  for (int i = 0; i < rounds; ++i) {
#pragma unroll
    for (int c = 0; c < kChains; ++c) multiply<Kind>(sums[c], 0, 0);
  }
  float sum = 0;
  for (int c = 0; c < kChains; ++c) sum += sums[c][0] + sums[c][1] + sums[c][2] + sums[c][3];
  if (sum == -1.0f) *sink = sum;
}

template <PeakKind Kind>
double launch_matrix(int depth, int blocks, int rounds, float* sink, cudaStream_t stream) {
  matrix_peak<Kind><<<blocks, kThreads, 0, stream>>>(rounds, sink);
  return 2.0 * 16 * 8 * depth * kChains * rounds * (kThreads / 32) * blocks;
}

}  // namespace

double launch_peak(PeakKind kind, int blocks, int rounds, float* sink, cudaStream_t stream) {
  switch (kind) {
    case PeakKind::kTf32: return launch_matrix<PeakKind::kTf32>(8, blocks, rounds, sink, stream);
    case PeakKind::kFp16: return launch_matrix<PeakKind::kFp16>(16, blocks, rounds, sink, stream);
    case PeakKind::kBf16: return launch_matrix<PeakKind::kBf16>(16, blocks, rounds, sink, stream);
    case PeakKind::kInt8: return launch_matrix<PeakKind::kInt8>(32, blocks, rounds, sink, stream);
    case PeakKind::kFp32: break;
  }
  fp32_peak<<<blocks, kThreads, 0, stream>>>(rounds, sink);
  return 2.0 * kChains * rounds * kThreads * blocks;
}

}  // namespace kissa::cuda
