// Moves between row-major order and blocks of channels, between blocks of both storages, and
// between different places in blocks.
#pragma once

#include <cstdint>

namespace kissa::cpu {

// A piece of the channels of blocked memory: its pixels lie `step` bytes apart.
struct Piece {
  const void* data;
  std::int64_t step;
};

// 32 channels in FP32: `low` and `high` hold 16 of each pixel's, `step` floats from one pixel to
// the next. Where `high` is null the upper 16 are not there: read as zeros, and not written.
struct WideBlocks {
  const float* low;
  const float* high;
  std::int64_t step;
};
struct MutableWideBlocks {
  float* low;
  float* high;
  std::int64_t step;
};

// Of blocks in one storage. Row-major planes are FP32.
struct StorageReorderKernels {
  // dst[i][c] = src[c * plane + i] for `pixels` i; zeros behind the `channels` of a block.
  void (*to_blocked)(const float* src, std::int64_t plane, int channels, std::int64_t pixels,
                     float* dst) noexcept;
  // The other way.
  void (*from_blocked)(const float* src, std::int64_t pixels, int channels, float* dst,
                       std::int64_t plane) noexcept;
  // Between FP32 and a block of 32 channels of 16 bits; null for FP32.
  void (*narrow)(const WideBlocks& src, std::int64_t pixels, float* dst) noexcept;
  void (*widen)(const float* src, std::int64_t pixels, const MutableWideBlocks& dst) noexcept;
};

struct ReorderKernels {
  // Pixel i of dst is pixel i of the pieces one after the other: 16 of an FP32 channel each, 32 of
  // a channel of 16 bits, or 2 of 16 such channels.
  void (*gather_words)(const Piece* pieces, std::int64_t pixels, void* dst) noexcept;
  void (*gather_halves)(const Piece* pieces, std::int64_t pixels, void* dst) noexcept;
  void (*gather_half_blocks)(const Piece* pieces, std::int64_t pixels, void* dst) noexcept;
};

}  // namespace kissa::cpu
