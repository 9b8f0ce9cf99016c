// Pooling of blocks of 16 channels: Caffe's windows (ops/pooling.h).
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
  int channels;  // of the block: 1 to 16. Zeros are stored behind them
};

struct PoolKernels {
  void (*max)(const PoolTile& tile) noexcept;
  void (*average)(const PoolTile& tile) noexcept;
  // One window over `pixels` x 16 floats; stores the first `channels`.
  void (*global_max)(const float* src, std::int64_t pixels, float* dst, int channels) noexcept;
  void (*global_average)(const float* src, std::int64_t pixels, float* dst, int channels) noexcept;
};

}  // namespace kissa::cpu
