// The two calls of OpenBLAS that caffe mode needs, in row-major order.
#pragma once

#include <cblas.h>

#include <cstdint>
#include <limits>

#include "backends/cpu/cpu.h"

namespace kissa::cpu {

inline bool fits_blas(std::int64_t extent) { return extent <= std::numeric_limits<blasint>::max(); }

// Gives OpenBLAS the stream's number of threads; cheap where nothing changes.
inline void set_blas_threads(Stream& stream) {
  const int threads = pool_of(stream).threads();
  if (openblas_get_num_threads() != threads) openblas_set_num_threads(threads);
}

// c (m x n) = a (m x k) * b (k x n), or b given as n x k where transpose_b.
inline void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
                 bool transpose_b, float* c) {
  const auto ldb = static_cast<blasint>(transpose_b ? k : n);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans,
              static_cast<blasint>(m), static_cast<blasint>(n), static_cast<blasint>(k), 1.0f, a,
              static_cast<blasint>(k), b, ldb, 0.0f, c, static_cast<blasint>(n));
}

// y (m) = a (m x k) * x (k), or a given as k x m where transpose_a.
inline void gemv(std::int64_t m, std::int64_t k, const float* a, bool transpose_a, const float* x,
                 float* y) {
  const auto rows = static_cast<blasint>(transpose_a ? k : m);
  const auto columns = static_cast<blasint>(transpose_a ? m : k);
  cblas_sgemv(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, rows, columns, 1.0f, a,
              columns, x, 1, 0.0f, y, 1);
}

}  // namespace kissa::cpu
