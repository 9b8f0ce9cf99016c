// Local response normalisation across channels (ops/lrn.h), alone and next to a max pooling. A
// pixel of a block takes 16 floats (or pairs of 16 bits, which count as floats).
#pragma once

#include <cstdint>

#include "backends/cpu/kernels/pool.h"

namespace kissa::cpu {

// y = x (k + scale * s)^-beta, s = sum of x^2 over `size` channels around the own. For |x| < 1e19.
struct LrnParams {
  int size;     // odd, 1 to kMaxLrnSize
  float scale;  // alpha / size
  float beta;
  float k;
};

inline constexpr int kMaxLrnSize = 33;
inline constexpr int kMaxLrnBlocks = 128;

// The parameters of real networks, which have kernels of their own and may be fused with a pooling.
constexpr bool has_fast_lrn(const LrnParams& params) {
  return (params.size == 3 || params.size == 5) && params.beta == 0.75f;
}

// All channel blocks of a stretch of pixels of one image.
struct LrnTile {
  LrnParams params;
  std::int64_t blocks;
  const float* src;        // of the first block and pixel
  std::int64_t src_block;  // floats from one block to the next
  float* dst;
  std::int64_t dst_block;
  std::int64_t pixels;
};

// Windows of a pooling, as in PoolTile, in all channel blocks of one image.
struct LrnPoolTile {
  LrnParams params;
  std::int64_t blocks;
  std::int64_t src_block;
  std::int64_t dst_block;
  PoolTile pool;  // of the first block
};

// Floats of a pooled row, in all blocks, that pool_lrn takes at most.
inline constexpr int kPoolLrnFloats = 8192;

struct LrnKernels {
  void (*lrn)(const LrnTile& tile) noexcept;
  // The others: where has_fast_lrn.
  // Max pooling, then LRN: places of one row.
  void (*pool_lrn)(const LrnPoolTile& tile) noexcept;
  // LRN, then max pooling 3x3 of stride 2 without pad: whole rows of places.
  void (*lrn_pool)(const LrnPoolTile& tile) noexcept;
};

}  // namespace kissa::cpu
