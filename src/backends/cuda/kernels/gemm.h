// Products of matrices in true FP32, row-major.
#pragma once

#include <driver_types.h>

#include <cstdint>

namespace kissa::cuda {

// c (m x n) = a (m x k) b, b of k x n, or n x k where b_transposed. `batch` products: the i-th
// takes a + i % a_period a_stride, b + i b_stride and c + i c_stride.
struct GemmShape {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  bool b_transposed = false;
  std::int64_t batch = 1;
  std::int64_t a_period = 1;
  std::int64_t a_stride = 0;
  std::int64_t b_stride = 0;
  std::int64_t c_stride = 0;
};
void run_gemm(const GemmShape& shape, const float* a, const float* b, float* c,
              cudaStream_t stream);

}  // namespace kissa::cuda
