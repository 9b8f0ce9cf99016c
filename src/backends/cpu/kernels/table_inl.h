// The table of the instruction set whose Vec was included before: every family of kernels.
#pragma once

#include "backends/cpu/kernels/kernels.h"

namespace kissa::cpu {
namespace {

constexpr Kernels make_kernels(const char* isa) {
  return {
      .isa = isa,
      .lanes = kLanes,
  };
}

}  // namespace
}  // namespace kissa::cpu
