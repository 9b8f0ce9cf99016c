#include "backends/cpu/kernels/vec_avx512.h"

#include "backends/cpu/kernels/amx_inl.h"

namespace kissa::cpu {

constexpr Bf16Kernels kAmxKernels = kAmxTable;

}  // namespace kissa::cpu
