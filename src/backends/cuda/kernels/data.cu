#include "backends/cuda/kernels/data.h"

#include <cuda_runtime.h>

#include "backends/cuda/kernels/launch.cuh"

namespace kissa::cuda {
namespace {

__global__ void copy_rows_kernel(float* dst, std::int64_t dst_stride, const float* src,
                                 std::int64_t src_stride, std::int64_t width, std::int64_t rows) {
  for_each(width * rows, [&](std::int64_t i) {
    dst[i / width * dst_stride + i % width] = src[i / width * src_stride + i % width];
  });
}

__global__ void tile_kernel(const float* x, float* y, std::int64_t outer, std::int64_t width,
                            std::int64_t tiles) {
  for_each(outer * tiles * width,
           [&](std::int64_t i) { y[i] = x[i / (tiles * width) * width + i % width]; });
}

__global__ void crop_kernel(const __grid_constant__ Box box, const float* x, float* y) {
  for_each(box.count, [&](std::int64_t i) {
    std::int64_t rest = i;
    std::int64_t from = 0;
    std::int64_t stride = 1;
    for (int axis = box.axes - 1; axis >= 0; --axis) {
      from += (rest % box.out[axis] + box.start[axis]) * stride;
      rest /= box.out[axis];
      stride *= box.in[axis];
    }
    y[i] = x[from];
  });
}

__global__ void gather_kernel(const float* table, std::int64_t rows, std::int64_t width,
                              const float* index, std::int64_t count, const float* bias, float* y) {
  for_each(count * width, [&](std::int64_t i) {
    const double row = index[i / width];
    const std::int64_t column = i % width;
    const bool is_there = row > -1.0 && row < static_cast<double>(rows);
    const float value = is_there ? table[static_cast<std::int64_t>(row) * width + column]
                                 : __int_as_float(0x7fc00000);  // NaN
    y[i] = bias != nullptr ? value + bias[column] : value;
  });
}

}  // namespace

void copy_rows(float* dst, std::int64_t dst_stride, const float* src, std::int64_t src_stride,
               std::int64_t width, std::int64_t rows, cudaStream_t stream) {
  if (width * rows == 0) return;
  copy_rows_kernel<<<blocks_for(width * rows), kThreads, 0, stream>>>(dst, dst_stride, src,
                                                                      src_stride, width, rows);
}

void run_tile(const float* x, float* y, std::int64_t outer, std::int64_t width, std::int64_t tiles,
              cudaStream_t stream) {
  const std::int64_t count = outer * width * tiles;
  if (count == 0) return;
  tile_kernel<<<blocks_for(count), kThreads, 0, stream>>>(x, y, outer, width, tiles);
}

void run_crop(const Box& box, const float* x, float* y, cudaStream_t stream) {
  if (box.count == 0) return;
  crop_kernel<<<blocks_for(box.count), kThreads, 0, stream>>>(box, x, y);
}

void run_gather(const float* table, std::int64_t rows, std::int64_t width, const float* index,
                std::int64_t count, const float* bias, float* y, cudaStream_t stream) {
  if (count * width == 0) return;
  gather_kernel<<<blocks_for(count * width), kThreads, 0, stream>>>(table, rows, width, index,
                                                                    count, bias, y);
}

}  // namespace kissa::cuda
