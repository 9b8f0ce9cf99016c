#include "backends/cpu/kernels/vec_baseline.h"

#include "backends/cpu/kernels/table_inl.h"

namespace kissa::cpu {
namespace {

#if defined(__aarch64__)
constexpr const char* kName = "neon";
#else
constexpr const char* kName = "baseline";
#endif

}  // namespace

constexpr Kernels kBaselineKernels = make_kernels(kName);

}  // namespace kissa::cpu
