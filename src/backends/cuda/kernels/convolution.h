// The sliding window of convolution and its relatives over any number of axes, FP32, row-major.
#pragma once

#include <driver_types.h>

#include <cstdint>

namespace kissa::cuda {

inline constexpr int kMaxSpatialAxes = 31;

// An axis of extent `image` with `places` places of the window.
struct WindowAxes {
  int axes = 0;
  std::int64_t taps = 1;  // products over the axes
  std::int64_t image_size = 1;
  std::int64_t places_count = 1;
  std::int64_t kernel[kMaxSpatialAxes] = {};
  std::int64_t stride[kMaxSpatialAxes] = {};
  std::int64_t pad[kMaxSpatialAxes] = {};
  std::int64_t dilation[kMaxSpatialAxes] = {};
  std::int64_t image[kMaxSpatialAxes] = {};
  std::int64_t places[kMaxSpatialAxes] = {};
};

// columns (planes taps x places) = the elements under each tap at each place; 0 outside.
void run_im2col(const WindowAxes& window, std::int64_t planes, const float* x, float* columns,
                cudaStream_t stream);

// The transpose of a convolution: its places are the input's extents, its image the output's.
struct DeconvolutionShape {
  std::int64_t images;
  std::int64_t channels;
  std::int64_t outputs;
  std::int64_t group;
};
void run_deconvolution(const WindowAxes& window, const DeconvolutionShape& shape, const float* x,
                       const float* weight, const float* bias, float* y, cudaStream_t stream);

}  // namespace kissa::cuda
