// A stage for many pixels (a large batch): convolutions and 3 x 3 max pools, independent of each
// other, in one launch on Hopper's wgmma. NHWC, sums in FP32.
#pragma once

#include <cuda.h>
#include <driver_types.h>

#include <array>
#include <cstdint>
#include <span>

#include "backends/cuda/kernels/number.h"

namespace kissa::cuda {

// A range of a product's columns, and where it is stored.
struct WideSegment {
  int first;       // column: output channel of the product
  int dst_stride;  // elements from one pixel to the next
  void* dst;
};
inline constexpr int kMaxWideSegments = 4;

// A convolution, or several that differ in nothing but their outputs, as a product of matrices.
struct WideProduct {
  CUtensorMap pixels;  // encode_pixels
  const void* weight;  // pack_wide_weight
  const float* bias;   // of all columns
  int columns;         // a multiple of 16: what is stored
  int tile_columns;    // of a tile: one of wide_columns
  int chunks;          // of 128 bytes of channels
  int last_parts;      // of 32 bytes in the last chunk
  int taps_y, taps_x;
  int stride, dilation, pad_y, pad_x;
  int out_height, out_width;
  int pixel_count;  // images * out_height * out_width
  float low, high;  // the result is clipped to [low, high]
  int segment_count;
  WideSegment segments[kMaxWideSegments];
};

// A max pool, 3 x 3, stride 1, pad 1.
struct WidePool {
  const void* src;
  void* dst;
  int src_stride, dst_stride;
  int images, height, width;
  int words;  // of 16 bytes of channels
  // Set by launch_wide_stage. A tile is a piece of some images, 128 bytes of channels.
  CUtensorMap pixels;
  int tile_images, tile_rows, tile_columns;
};

inline constexpr int kMaxWideProducts = 6;
inline constexpr int kMaxWidePools = 2;

struct WideStage {
  WideProduct products[kMaxWideProducts];
  WidePool pools[kMaxWidePools];
  int product_count;
  int pool_count;
  Number number;
  // Set by launch_wide_stage: tiles of the products in turn, then of the pools.
  int first_tile[kMaxWideProducts + kMaxWidePools + 1];
  int ring_slots;
  int slot_bytes;
};

// Pixels of a tile: 128 to a block of rows, one or two of them.
inline constexpr int kWideRows = 128;

// Whether the current device and its driver have what the kernel uses.
bool has_wide_stage();

// Widths that a tile may have; of floats all tiles of a stage have the same.
std::span<const int> wide_columns(Number number);

// Copies of a weight that a tile brings: of floats the high and the low halves.
constexpr int wide_weights(Number number) { return number == Number::kF32 ? 2 : 1; }

struct PixelBox {
  const void* data;
  int images, height, width, channels;  // channels: with padding lanes
  int pixel_stride;                     // elements
  int rows;                             // pixels of a box
  Number number;
};
// Sets the product's map of the pixels that its taps read. The convolution's fields are set.
void encode_pixels(WideProduct& product, const PixelBox& box);

// `blocks`: 1 or 2 times 128 pixels a tile; 1 for floats.
void prepare_wide_stage(const WideStage& stage, int blocks);
void launch_wide_stage(const WideStage& stage, int blocks, cudaStream_t stream);

}  // namespace kissa::cuda
