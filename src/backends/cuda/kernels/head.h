// The head of a network in one launch: 7 x 7 convolution of stride 2 on an FP32 row-major image of
// up to 4 channels, 3 x 3 max pool of stride 2, LRN across 5 channels, 1 x 1 convolution.
// Both convolutions have 64 outputs. The result is NHWC.
#pragma once

#include <driver_types.h>

#include "backends/cuda/kernels/nhwc.h"

namespace kissa::cuda {

struct Head {
  const float* src;
  void* dst;
  const void* first_weight;  // as FirstConv's
  const float* first_bias;
  const void* second_weight;  // as a StageTask's
  const float* second_bias;
  int dst_stride;
  int images, channels, height, width;
  int conv_height, conv_width;
  int out_height, out_width;
  int pad;
  LrnParameters lrn;
  float first_low, first_high;
  float second_low, second_high;
  Number number;
  int strip_rows;  // set by launch_wide_head: of the result, that a warpgroup takes in turn
};
inline constexpr int kHeadOutputs = 64;
inline constexpr int kHeadSide = 7;
// Before the first launch on a device.
void prepare_head(Number number);
void launch_head(const Head& head, cudaStream_t stream);

// The same for many images on Hopper in FP16 or TF32, with up to kWideHeadChannels channels and
// kWideHeadColumns columns of the first convolution. The weights are tiles of [64 outputs][128
// bytes], 16-byte words swizzled: the first's sum goes over [filter row][8 columns][4 channels].
inline constexpr int kWideHeadChannels = 3;
inline constexpr int kWideHeadColumns = 112;
// Of the first's weights.
constexpr int wide_head_tiles(Number number) {
  return (kHeadSide * 32 * bytes_of(number) + 127) / 128;
}
void prepare_wide_head(Number number);
void launch_wide_head(const Head& head, cudaStream_t stream);

}  // namespace kissa::cuda
