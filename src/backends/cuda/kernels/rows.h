// What looks at a whole row of elements: one block of threads a row. FP32, row-major.
#pragma once

#include <driver_types.h>

#include <cstdint>

namespace kissa::cuda {

// Rows of `extent` elements, `inner` apart, in `outer` groups of `inner` rows.
struct Rows {
  std::int64_t outer;
  std::int64_t extent;
  std::int64_t inner;
};

void run_softmax(const Rows& rows, const float* x, float* y, cudaStream_t stream);

enum class Term { kValue, kAbs, kSquare };
// y[row] = factor times the sum of each row's terms; inner is 1.
void run_row_sums(const Rows& rows, Term term, double factor, const float* x, float* y,
                  cudaStream_t stream);

// y = (x - mean) / divisor of the row: sqrt(variance) + eps, sqrt(variance + eps) where
// eps_inside, or 1 without has_variance. A row is `parts` runs of `extent` elements, `stride`
// apart, that start at row `extent`.
struct Normalization {
  std::int64_t rows;
  std::int64_t extent;
  std::int64_t parts;
  std::int64_t stride;
  bool has_variance;
  bool eps_inside;
  double eps;
};
void run_normalize_rows(const Normalization& shape, const float* x, float* y, cudaStream_t stream);

// The places of the top_k largest elements, and the elements, of each row; either may be null.
// Result k of row (o, i) stands at o outer_stride + k k_stride + i.
struct ArgMaxShape {
  Rows rows;
  std::int64_t top_k;
  std::int64_t outer_stride;
  std::int64_t k_stride;
};
void run_argmax(const ArgMaxShape& shape, const float* x, float* places, float* values,
                cudaStream_t stream);

}  // namespace kissa::cuda
