#include "backends/cpu/kernels/vec_avx512.h"

#include "backends/cpu/kernels/bf16_inl.h"

namespace kissa::cpu {

constexpr Bf16Kernels kAvx512Bf16Kernels = make_bf16_kernels("avx512_bf16");

}  // namespace kissa::cpu
