#include "backends/cpu/kernels/vec_avx2.h"

#include "backends/cpu/kernels/table_inl.h"

namespace kissa::cpu {

constexpr Kernels kAvx2Kernels = make_kernels("avx2");

}  // namespace kissa::cpu
