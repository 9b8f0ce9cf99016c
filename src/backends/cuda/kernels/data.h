// Moving elements, FP32, row-major.
#pragma once

#include <driver_types.h>

#include <cstdint>

namespace kissa::cuda {

// `rows` rows of `width` elements; the rows of src and dst are so far apart.
void copy_rows(float* dst, std::int64_t dst_stride, const float* src, std::int64_t src_stride,
               std::int64_t width, std::int64_t rows, cudaStream_t stream);

// Each of `outer` blocks of `width` elements `tiles` times.
void run_tile(const float* x, float* y, std::int64_t outer, std::int64_t width, std::int64_t tiles,
              cudaStream_t stream);

inline constexpr int kMaxAxes = 32;  // of a tensor

// The box of extents `out` that starts at `start`, in a tensor of extents `in`.
struct Box {
  int axes;
  std::int64_t count;  // of elements of the box
  std::int64_t in[kMaxAxes];
  std::int64_t out[kMaxAxes];
  std::int64_t start[kMaxAxes];
};
void run_crop(const Box& box, const float* x, float* y, cudaStream_t stream);

// y[i] = the row of `table` (rows x width) that index[i] names, rounded towards 0, plus `bias`
// where that is not null; NaN where the table has no such row.
void run_gather(const float* table, std::int64_t rows, std::int64_t width, const float* index,
                std::int64_t count, const float* bias, float* y, cudaStream_t stream);

}  // namespace kissa::cuda
