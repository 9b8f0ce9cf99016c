// A stage: convolutions of stride 1 that keep the image's size, and 3 x 3 max pools, of one image
// size and independent of each other, in one launch. NHWC, sums in FP32.
#pragma once

#include <driver_types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "backends/cuda/kernels/number.h"

namespace kissa::cuda {

struct StageTask {
  bool is_pool;
  const void* src;
  void* dst;
  const void* weight;  // pack_stage_weight; null for a pool
  const float* bias;   // 16 blocks_out
  int src_stride;      // elements from one pixel to the next
  int dst_stride;
  int groups_in;   // of 32 bytes of channels: group_channels
  int blocks_out;  // of 16 channels
  int side;        // of the filter: odd
  float low;       // the result is clipped to [low, high]
  float high;
  // Set by launch_stage.
  int first_tile;
  int tiles_m;
  int chunk_groups;  // groups_in that shared memory holds at a time
  int chunk_bytes;
};

inline constexpr int kMaxStageTasks = 6;

struct Stage {
  int images;
  int height;
  int width;
  int count;
  Number number;
  StageTask tasks[kMaxStageTasks];
  // Set by launch_stage.
  int tiles_n;        // of an image; 1 where a tile holds several
  int images_each;    // of a tile
  int offsets_bytes;  // of the table of steps in shared memory
};

// How a block of 8 warps shares a tile of 16 m_each m_warps channels and 8 n_each n_warps pixels;
// k_warps warps share the sum.
struct StageTile {
  std::string_view name;  // "32x56k4"
  int m_each, n_each, m_warps, n_warps, k_warps;
  int resident;  // blocks of a multiprocessor that have registers
  Number number;
  void (*kernel)(Stage);

  int channels() const { return 16 * m_each * m_warps; }
  int pixels() const { return 8 * n_each * n_warps; }
};
std::span<const StageTile> stage_tiles(Number number);

// Shared memory that a block takes, and how many blocks there are.
std::size_t stage_shared_bytes(const Stage& stage, const StageTile& tile);
std::int64_t stage_blocks(const Stage& stage, const StageTile& tile);
inline constexpr std::size_t kMaxSharedBytes = 227 * 1024;

// Before the tile's first launch on a device.
void prepare_stage(const StageTile& tile);
void launch_stage(Stage stage, const StageTile& tile, cudaStream_t stream);

}  // namespace kissa::cuda
