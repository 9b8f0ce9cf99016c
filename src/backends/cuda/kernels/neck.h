// What follows a network's head in one launch: 3 x 3 convolution, LRN across 5 channels, 3 x 3 max
// pool of stride 2. NHWC, on Hopper, for few images.
#pragma once

#include <driver_types.h>

#include <cstddef>

#include "backends/cuda/kernels/nhwc.h"

namespace kissa::cuda {

struct Neck {
  const void* src;
  void* dst;
  const void* weight;  // as a StageTask's
  const float* bias;   // 16 ceil(outputs / 16)
  int src_stride, dst_stride;
  int images, height, width;
  int out_height, out_width;
  int groups_in;  // of 32 bytes of channels: group_channels
  int outputs;    // up to kNeckOutputs
  LrnParameters lrn;
  float low, high;  // of the convolution's result
  Number number;
};
inline constexpr int kNeckOutputs = 192;
std::size_t neck_shared_bytes(const Neck& neck);
// Before the first launch on a device.
void prepare_neck(Number number);
void launch_neck(const Neck& neck, cudaStream_t stream);

}  // namespace kissa::cuda
