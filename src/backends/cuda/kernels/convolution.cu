#include "backends/cuda/kernels/convolution.h"

#include <cuda_runtime.h>

#include "backends/cuda/kernels/launch.cuh"

namespace kissa::cuda {
namespace {

// The pixel under a tap at a place, or -1 outside.
__device__ std::int64_t pixel_at(const WindowAxes& w, std::int64_t tap, std::int64_t place) {
  std::int64_t pixel = 0;
  std::int64_t stride = 1;
  for (int axis = w.axes - 1; axis >= 0; --axis) {
    const std::int64_t at = place % w.places[axis] * w.stride[axis] - w.pad[axis] +
                            tap % w.kernel[axis] * w.dilation[axis];
    if (at < 0 || at >= w.image[axis]) return -1;
    place /= w.places[axis];
    tap /= w.kernel[axis];
    pixel += at * stride;
    stride *= w.image[axis];
  }
  return pixel;
}

// The place at which a tap lies over a pixel, or -1 where there is none.
__device__ std::int64_t place_over(const WindowAxes& w, std::int64_t tap, std::int64_t pixel) {
  std::int64_t place = 0;
  std::int64_t stride = 1;
  for (int axis = w.axes - 1; axis >= 0; --axis) {
    const std::int64_t at =
        pixel % w.image[axis] + w.pad[axis] - tap % w.kernel[axis] * w.dilation[axis];
    if (at < 0 || at % w.stride[axis] != 0 || at / w.stride[axis] >= w.places[axis]) return -1;
    pixel /= w.image[axis];
    tap /= w.kernel[axis];
    place += at / w.stride[axis] * stride;
    stride *= w.places[axis];
  }
  return place;
}

__global__ void im2col_kernel(const __grid_constant__ WindowAxes w, std::int64_t planes,
                              const float* x, float* columns) {
  for_each(planes * w.taps * w.places_count, [&](std::int64_t i) {
    const std::int64_t row = i / w.places_count;
    const std::int64_t pixel = pixel_at(w, row % w.taps, i % w.places_count);
    columns[i] = pixel < 0 ? 0.0f : x[row / w.taps * w.image_size + pixel];
  });
}

// Two axes, all numbers of 32 bits. One row of places of one plane and tap a block of threads.
struct Window2d {
  int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
  int height, width, out_height, out_width;
};

__global__ void im2col_2d_kernel(Window2d w, unsigned count, const float* x, float* columns) {
  const auto plane_places = static_cast<unsigned>(w.out_height * w.out_width);
  const auto taps = static_cast<unsigned>(w.kernel_h * w.kernel_w);
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
    const unsigned row = i / plane_places;
    const unsigned place = i - row * plane_places;
    const unsigned plane = row / taps;
    const auto tap = static_cast<int>(row - plane * taps);
    const auto p = static_cast<int>(place / static_cast<unsigned>(w.out_width));
    const int q = static_cast<int>(place) - p * w.out_width;
    const int h = p * w.stride_h - w.pad_h + tap / w.kernel_w * w.dilation_h;
    const int v = q * w.stride_w - w.pad_w + tap % w.kernel_w * w.dilation_w;
    const bool is_inside = h >= 0 && h < w.height && v >= 0 && v < w.width;
    columns[i] = is_inside ? x[(std::int64_t{plane} * w.height + h) * w.width + v] : 0.0f;
  }
}

bool fits_2d(const WindowAxes& w, std::int64_t count) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 14;
  if (w.axes != 2 || count >= std::int64_t{1} << 31) return false;
  for (int axis = 0; axis < 2; ++axis)
    if (w.kernel[axis] > kLimit || w.stride[axis] > kLimit || w.pad[axis] > kLimit ||
        w.dilation[axis] > kLimit || w.image[axis] > kLimit || w.places[axis] > kLimit)
      return false;
  return true;
}

__global__ void deconvolution_kernel(const __grid_constant__ WindowAxes w, DeconvolutionShape shape,
                                     const float* x, const float* weight, const float* bias,
                                     float* y) {
  const std::int64_t group_in = shape.channels / shape.group;
  const std::int64_t group_out = shape.outputs / shape.group;
  for_each(shape.images * shape.outputs * w.image_size, [&](std::int64_t i) {
    const std::int64_t k = i / w.image_size % shape.outputs;
    const std::int64_t n = i / w.image_size / shape.outputs;
    const std::int64_t first = k / group_out * group_in;  // channel of the group
    float sum = bias != nullptr ? bias[k] : 0.0f;
    for (std::int64_t tap = 0; tap < w.taps; ++tap) {
      const std::int64_t place = place_over(w, tap, i % w.image_size);
      if (place < 0) continue;
      for (std::int64_t c = first; c < first + group_in; ++c)
        sum += x[(n * shape.channels + c) * w.places_count + place] *
               weight[(c * group_out + k % group_out) * w.taps + tap];
    }
    y[i] = sum;
  });
}

}  // namespace

void run_im2col(const WindowAxes& window, std::int64_t planes, const float* x, float* columns,
                cudaStream_t stream) {
  const std::int64_t count = planes * window.taps * window.places_count;
  if (count == 0) return;
  if (!fits_2d(window, count)) {
    im2col_kernel<<<blocks_for(count), kThreads, 0, stream>>>(window, planes, x, columns);
    return;
  }
  const auto at = [](const std::int64_t(&values)[kMaxSpatialAxes], int axis) {
    return static_cast<int>(values[axis]);
  };
  const WindowAxes& w = window;
  const Window2d flat = {at(w.kernel, 0), at(w.kernel, 1), at(w.stride, 0),   at(w.stride, 1),
                         at(w.pad, 0),    at(w.pad, 1),    at(w.dilation, 0), at(w.dilation, 1),
                         at(w.image, 0),  at(w.image, 1),  at(w.places, 0),   at(w.places, 1)};
  im2col_2d_kernel<<<blocks_for(count), kThreads, 0, stream>>>(flat, static_cast<unsigned>(count),
                                                               x, columns);
}

void run_deconvolution(const WindowAxes& window, const DeconvolutionShape& shape, const float* x,
                       const float* weight, const float* bias, float* y, cudaStream_t stream) {
  const std::int64_t count = shape.images * shape.outputs * window.image_size;
  if (count == 0) return;
  deconvolution_kernel<<<blocks_for(count), kThreads, 0, stream>>>(window, shape, x, weight, bias,
                                                                   y);
}

}  // namespace kissa::cuda
