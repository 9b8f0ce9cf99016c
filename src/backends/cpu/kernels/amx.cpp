#include "backends/cpu/kernels/vec_avx512.h"

#include "backends/cpu/kernels/amx_inl.h"

namespace kissa::cpu {

constexpr Bf16Kernels kAmxKernels = make_amx_kernels("amx");

}  // namespace kissa::cpu
