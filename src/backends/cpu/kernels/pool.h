// Pooling of blocks of channels, of which a pixel takes 16 floats (or pairs of 16 bits, which count
// as floats): Caffe's windows (ops/pooling.h).
#pragma once

#include <cstdint>

namespace kissa::cpu {

// One axis of the windows.
struct PoolAxis {
  std::int64_t extent;  // of the image
  std::int64_t kernel;
  std::int64_t stride;
  std::int64_t pad;
};

// The windows at places [row_begin, row_end) x [column_begin, column_end) of one block of one
// image.
struct PoolTile {
  PoolAxis rows;
  PoolAxis columns;
  const float* src;      // H x W x 16, the whole plane
  float* dst;            // of the first place
  std::int64_t dst_row;  // floats from one row of places to the next
  std::int64_t row_begin, row_end;
  std::int64_t column_begin, column_end;
  int channels;  // of the block. Zeros are stored behind them
};

struct PoolKernels {
  void (*max)(const PoolTile& tile) noexcept;
  void (*average)(const PoolTile& tile) noexcept;
  // One window over `pixels` x 16 floats to 16 floats.
  void (*global_max)(const float* src, std::int64_t pixels, float* dst) noexcept;
  void (*global_average)(const float* src, std::int64_t pixels, float* dst) noexcept;
  // The same for the first `channels`, which are stored in FP32 in their order.
  void (*global_max_to_row)(const float* src, std::int64_t pixels, float* dst,
                            int channels) noexcept;
  void (*global_average_to_row)(const float* src, std::int64_t pixels, float* dst,
                                int channels) noexcept;
};

}  // namespace kissa::cpu
