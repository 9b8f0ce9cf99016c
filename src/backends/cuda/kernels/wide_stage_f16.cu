#include "backends/cuda/kernels/wide_stage.cuh"

namespace kissa::cuda {

WideKernel f16_wide_kernel(int blocks) {
  return blocks == 2 ? wide_stage_kernel<__half, 2> : wide_stage_kernel<__half, 1>;
}

}  // namespace kissa::cuda
