#include "backends/cpu/kernels/vec_avx512.h"

#include "backends/cpu/kernels/table_inl.h"

namespace kissa::cpu {

constexpr Kernels kAvx512Kernels = make_kernels("avx512");

}  // namespace kissa::cpu
