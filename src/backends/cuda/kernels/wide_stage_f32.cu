#include "backends/cuda/kernels/wide_stage.cuh"

namespace kissa::cuda {

WideKernel f32_wide_kernel() { return wide_stage_kernel<float, 1>; }

}  // namespace kissa::cuda
