// Products of row-major matrices by cuBLAS.
#pragma once

#include <driver_types.h>

#include <vector>

#include "backends/cublas/library.h"
#include "backends/cuda/kernels/gemm.h"

namespace kissa::cublas {

// One call of cuBLAS: offsets and strides in elements.
struct Call {
  std::int64_t a = 0;
  std::int64_t b = 0;
  std::int64_t c = 0;
  std::int64_t a_stride = 0;
  std::int64_t b_stride = 0;
  std::int64_t c_stride = 0;
  std::int64_t batch = 1;
};
// The fewest calls that give all products of the shape, whose batch is a multiple of its a_period.
std::vector<Call> calls_of(const cuda::GemmShape& shape);

// As cuda::run_gemm(), in true FP32. A failure is logged, and gives NaN.
void run_gemm(const cuda::GemmShape& shape, const float* a, const float* b, float* c,
              cudaStream_t stream);

}  // namespace kissa::cublas
