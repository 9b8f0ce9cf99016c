// A network's first convolution: up to 4 channels of an FP32 row-major image, an even stride; the
// result is NHWC.
#pragma once

#include <driver_types.h>

#include <cstdint>

#include "backends/cuda/kernels/number.h"

namespace kissa::cuda {

struct FirstConv {
  const float* src;
  void* dst;
  // [block of 16 outputs][row][step][lane] 16 bytes, step = (4 halves or 2 floats, 4 channels)
  const void* weight;
  const float* bias;  // 16 blocks_out
  int dst_stride;     // elements from pixel to pixel
  int images, channels, height, width;
  int out_height, out_width;
  int blocks_out;
  int side, stride, pad;
  float low, high;
  Number number;
};
// Neighbouring pixels of 4 channels that a step takes.
constexpr int first_conv_taps(Number number) { return group_channels(number) / 4; }

// Before the first launch on a device.
void prepare_first_conv(Number number);
void launch_first_conv(const FirstConv& conv, cudaStream_t stream);

}  // namespace kissa::cuda
