// The table of the instruction set whose Vec was included before: every family of kernels.
#pragma once

#include "backends/cpu/kernels/depthwise_inl.h"
#include "backends/cpu/kernels/elementwise_inl.h"
#include "backends/cpu/kernels/finish_inl.h"
#include "backends/cpu/kernels/gemm_inl.h"
#include "backends/cpu/kernels/half_inl.h"
#include "backends/cpu/kernels/inner_product_inl.h"
#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/lrn_inl.h"
#include "backends/cpu/kernels/pool_inl.h"
#include "backends/cpu/kernels/reorder_inl.h"
#include "backends/cpu/kernels/softmax_inl.h"
#include "backends/cpu/kernels/winograd_inl.h"

namespace kissa::cpu {
namespace {

template <class Storage>
constexpr StorageKernels make_storage_kernels() {
  return {.pool = make_pool_kernels<Storage>(),
          .lrn = make_lrn_kernels<Storage>(),
          .elementwise = make_elementwise_kernels<Storage>(),
          .reorder = make_reorder_kernels<Storage>()};
}

// Where a conversion is one instruction beside several products.
constexpr GemmKernels make_fp16_gemm_kernels() {
  if constexpr (kLanes == 16)
    return make_gemm_kernels<Fp16Tiles>();
  else
    return {};
}

constexpr Kernels make_kernels(const char* isa) {
  return {
      .isa = isa,
      .lanes = kLanes,
      .gemm = make_gemm_kernels<GemmTiles>(),
      .gemm_f16 = make_fp16_gemm_kernels(),
      .planar = make_gemm_kernels<PlanarTiles>(),
      .finish = finish_run,
      .peak = peak,
      .winograd = kWinogradKernels,
      .depthwise = depthwise_row,
      .f32 = make_storage_kernels<Fp32Storage>(),
      .bf16 = make_storage_kernels<Bf16Storage>(),
      .f16 = make_storage_kernels<Fp16Storage>(),
      .f16_halves = kFp16HalfKernels,
      .widen_weights = widen_weights,
      .inner_product = kInnerProductKernels,
      .softmax = kSoftmaxKernels,
      .channel_rows = kChannelRowKernels,
      .reorder = kReorderKernels,
  };
}

}  // namespace
}  // namespace kissa::cpu
