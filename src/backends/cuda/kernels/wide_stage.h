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

// Divides numbers below 2^31 without a division: q = the high word of n * reciprocal, or one more.
struct Divisor {
  int by;
  std::uint32_t reciprocal;  // (2^32 - 1) / by
};

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
  int images, out_height, out_width;
  // Set by choose_box. Pixels come to shared memory as boxes: rows of consecutive pixels of the
  // padded images, one for each tap, or one that all taps read. There rows and images end in zeros
  // that are also the next one's padding; results at zeros are not stored.
  int box_taps;  // that read one box: 1 or all
  int box_rows;
  Divisor box_image, box_width;  // results that an image and a row of it have in the boxes
  int steps;        // of a tile: each brings up to 4 times 32 bytes of a column's weights
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
  // Set by plan_wide_stage. A tile is a piece of some images, 128 bytes of channels.
  int tile_images, tile_rows, tile_columns;
  CUtensorMap pixels;  // encode_pixels
};

// What the pixels of a product are read from.
struct WideSource {
  const void* data;
  int height, width, channels;  // channels: with padding lanes
  int pixel_stride;             // elements
  Number number;
};

inline constexpr int kMaxWideProducts = 6;
inline constexpr int kMaxWidePools = 2;

struct WideStage {
  WideProduct products[kMaxWideProducts];
  WidePool pools[kMaxWidePools];
  int product_count;
  int pool_count;
  Number number;
  // Where each block's turns begin in this array, where the last one's end, and the turns.
  const std::uint32_t* turns;
  int grid;  // blocks
  // Set by plan_wide_stage.
  struct RingShape {
    int slots;
    int slot_bytes;
  } pixels, weights;
};

// A turn of a block: a tile of a task, which is a product or behind them a pool.
inline constexpr int kMaxWideTiles = 1 << 24;  // of a task
constexpr std::uint32_t wide_turn(int task, int tile) {
  return static_cast<std::uint32_t>(task) << 24 | static_cast<std::uint32_t>(tile);
}

// Pixels of a tile: 128 to a block of rows, one or two of them.
inline constexpr int kWideRows = 128;

// Whether the current device and its driver have what the kernel uses.
bool has_wide_stage();
int multiprocessors();  // of the current device

// Widths that a tile may have; of floats all tiles of a stage have the same.
std::span<const int> wide_columns(Number number);

// Copies of a weight that a tile brings: of floats the high and the low halves.
constexpr int wide_weights(Number number) { return number == Number::kF32 ? 2 : 1; }

// What follows from the convolution's other fields. `blocks`: as in launch_wide_stage.
void choose_box(WideProduct& product, const WideSource& source, int blocks);

// How much shared memory the rings take, and the tiles of pools.
void plan_wide_stage(WideStage& stage);

int wide_tiles(const WideProduct& product, int blocks);
int wide_tiles(const WidePool& pool);

// Sets the maps of boxes: what they tell follows from the other fields and the source.
void encode_pixels(WideProduct& product, const WideSource& source);
void encode_pixels(WidePool& pool, Number number);

// `blocks`: 1 or 2 times 128 pixels a tile; 1 for floats.
void prepare_wide_stage(const WideStage& stage, int blocks);
void launch_wide_stage(const WideStage& stage, int blocks, cudaStream_t stream);

}  // namespace kissa::cuda
