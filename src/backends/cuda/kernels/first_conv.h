// A network's first convolution: up to 4 channels of an FP32 row-major image, an even stride; the
// result is FP16 NHWC.
#pragma once

#include <driver_types.h>

#include <cstdint>

namespace kissa::cuda {

struct FirstConv {
  const float* src;
  void* dst;
  const void*
      weight;  // [block of 16 outputs][row][step][lane] 16 bytes, step = (4 pixels, 4 channels)
  const float* bias;  // 16 blocks_out
  int dst_stride;     // elements from pixel to pixel
  int images, channels, height, width;
  int out_height, out_width;
  int blocks_out;
  int side, stride, pad;
  float low, high;

  // Each covers 4 taps of a row.
  int steps_of_row() const { return (side + 3) / 4; }
};
void launch_first_conv(const FirstConv& conv, cudaStream_t stream);

}  // namespace kissa::cuda
