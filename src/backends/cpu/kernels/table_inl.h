// The table of the instruction set whose Vec was included before: every family of kernels.
#pragma once

#include "backends/cpu/kernels/gemm_inl.h"
#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/winograd_inl.h"

namespace kissa::cpu {
namespace {

constexpr Kernels make_kernels(const char* isa) {
  return {
      .isa = isa,
      .lanes = kLanes,
      .gemm = make_gemm_kernels(),
      .finish = finish_run,
      .winograd = kWinogradKernels,
  };
}

}  // namespace
}  // namespace kissa::cpu
