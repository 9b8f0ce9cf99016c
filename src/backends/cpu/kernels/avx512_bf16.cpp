#include "backends/cpu/kernels/vec_avx512.h"

#include "backends/cpu/kernels/bf16_inl.h"

namespace kissa::cpu {

constexpr Bf16Kernels kAvx512Bf16Kernels = kAvx512Bf16Table;

}  // namespace kissa::cpu
