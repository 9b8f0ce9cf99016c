#include "backends/cuda/kernels/wide_stage.cuh"

namespace kissa::cuda {

WideKernel tf32_wide_kernel(int blocks) {
  return blocks == 2 ? wide_stage_kernel<Tf32, 2> : wide_stage_kernel<Tf32, 1>;
}

}  // namespace kissa::cuda
