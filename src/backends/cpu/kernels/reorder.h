// Moves between row-major order and blocks of 16 channels, and between different places in blocks.
#pragma once

#include <cstdint>

namespace kissa::cpu {

// One channel of blocked memory: its pixels lie `step` floats apart.
struct Lane {
  const float* data;
  std::int64_t step;
};

struct ReorderKernels {
  // dst[i][c] = src[c * plane + i] for `pixels` i; zeros behind the `channels` <= 16.
  void (*to_blocked)(const float* src, std::int64_t plane, int channels, std::int64_t pixels,
                     float* dst) noexcept;
  // The other way.
  void (*from_blocked)(const float* src, std::int64_t pixels, int channels, float* dst,
                       std::int64_t plane) noexcept;
  // dst[i][c] = lanes[c].data[i * lanes[c].step]
  void (*gather)(const Lane (&lanes)[16], std::int64_t pixels, float* dst) noexcept;
};

}  // namespace kissa::cpu
