// The table of the instruction set whose Vec was included before: every family of kernels.
#pragma once

#include "backends/cpu/kernels/depthwise_inl.h"
#include "backends/cpu/kernels/elementwise_inl.h"
#include "backends/cpu/kernels/finish_inl.h"
#include "backends/cpu/kernels/gemm_inl.h"
#include "backends/cpu/kernels/inner_product_inl.h"
#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/lrn_inl.h"
#include "backends/cpu/kernels/pool_inl.h"
#include "backends/cpu/kernels/reorder_inl.h"
#include "backends/cpu/kernels/softmax_inl.h"
#include "backends/cpu/kernels/winograd_inl.h"

namespace kissa::cpu {
namespace {

constexpr Kernels make_kernels(const char* isa) {
  return {
      .isa = isa,
      .lanes = kLanes,
      .gemm = make_gemm_kernels<GemmTiles>(),
      .planar = make_gemm_kernels<PlanarTiles>(),
      .finish = finish_run,
      .peak = peak,
      .winograd = kWinogradKernels,
      .depthwise = depthwise_row,
      .pool = kPoolKernels,
      .lrn = kLrnKernels,
      .inner_product = kInnerProductKernels,
      .softmax = kSoftmaxKernels,
      .elementwise = kElementwiseKernels,
      .reorder = kReorderKernels,
  };
}

}  // namespace
}  // namespace kissa::cpu
