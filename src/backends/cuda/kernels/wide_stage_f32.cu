#include "backends/cuda/kernels/wide_stage.cuh"

namespace kissa::cuda {

// A kernel of several widths takes too many registers.
WideKernel f32_wide_kernel(int columns) {
  switch (columns) {
    case 64: return wide_stage_kernel<float, 1, 64>;
    case 96: return wide_stage_kernel<float, 1, 96>;
    case 112: return wide_stage_kernel<float, 1, 112>;
    default: return wide_stage_kernel<float, 1, 128>;
  }
}

}  // namespace kissa::cuda
