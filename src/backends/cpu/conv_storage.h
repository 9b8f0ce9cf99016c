// How convolutions that compute in FP32 store their tensors and weights.
#pragma once

#include "backends/cpu/kernels/bf16.h"
#include "backends/cpu/kernels/kernels.h"
#include "base/tensor.h"

namespace kissa::cpu {

struct ConvStorage {
  DataType type = DataType::kF32;       // of what flows in and out, in blocks
  DataType weights = DataType::kF32;    // kF32 or kF16
  const HalfKernels* halves = nullptr;  // where the type takes 16 bits
  const char* isa = nullptr;            // in a tactic's name, where it is not that of its kernels
};

inline ConvStorage fp16_storage(const Kernels& kernels) {
  return {.type = DataType::kF16, .weights = DataType::kF16, .halves = &kernels.f16_halves};
}
// With weights in FP32.
inline ConvStorage bf16_storage(const Bf16Kernels& bf16) {
  return {.type = DataType::kBF16, .halves = &bf16.halves, .isa = bf16.isa};
}

}  // namespace kissa::cpu
