// Reorders by transposing tiles of kLanes channels x kLanes pixels in registers.
#pragma once

#include "backends/cpu/kernels/lanes_inl.h"
#include "backends/cpu/kernels/reorder.h"

namespace kissa::cpu {
namespace {

KISSA_INLINE int at_most_lanes(std::int64_t count) {
  return count < kLanes ? static_cast<int>(count) : kLanes;
}

// `count` pixels of `channels` planes into kLanes lanes of each pixel's block.
KISSA_INLINE void tile_to_blocked(const float* src, std::int64_t plane, int channels, int count,
                                  float* dst) {
  Vec rows[kLanes];
  KISSA_UNROLL(16)
  for (int c = 0; c < kLanes; ++c) {
    rows[c] = Vec{};
    if (c < channels)
      rows[c] = count == kLanes ? load(src + c * plane) : load_part(src + c * plane, count, 0.0f);
  }
  transpose(rows);
  KISSA_UNROLL(16)
  for (int i = 0; i < kLanes; ++i)
    if (i < count) store(dst + i * kBlock, rows[i]);
}

void to_blocked(const float* src, std::int64_t plane, int channels, std::int64_t pixels,
                float* dst) noexcept {
  for (int lane = 0; lane < kBlock; lane += kLanes)
    for (std::int64_t i = 0; i < pixels; i += kLanes)
      tile_to_blocked(src + lane * plane + i, plane, channels - lane, at_most_lanes(pixels - i),
                      dst + i * kBlock + lane);
}

KISSA_INLINE void tile_from_blocked(const float* src, int count, int channels, float* dst,
                                    std::int64_t plane) {
  Vec rows[kLanes];
  KISSA_UNROLL(16)
  for (int i = 0; i < kLanes; ++i) rows[i] = i < count ? load(src + i * kBlock) : Vec{};
  transpose(rows);
  KISSA_UNROLL(16)
  for (int c = 0; c < kLanes; ++c) {
    if (c >= channels) break;
    if (count == kLanes)
      store(dst + c * plane, rows[c]);
    else
      store_part(dst + c * plane, rows[c], count);
  }
}

void from_blocked(const float* src, std::int64_t pixels, int channels, float* dst,
                  std::int64_t plane) noexcept {
  for (int lane = 0; lane < channels; lane += kLanes)
    for (std::int64_t i = 0; i < pixels; i += kLanes)
      tile_from_blocked(src + i * kBlock + lane, at_most_lanes(pixels - i), channels - lane,
                        dst + lane * plane + i, plane);
}

void gather(const Lane (&lanes)[16], std::int64_t pixels, float* dst) noexcept {
  for (std::int64_t i = 0; i < pixels; ++i, dst += kBlock)
    for (int c = 0; c < kBlock; ++c) dst[c] = lanes[c].data[i * lanes[c].step];
}

constexpr ReorderKernels kReorderKernels = {
    .to_blocked = to_blocked, .from_blocked = from_blocked, .gather = gather};

}  // namespace
}  // namespace kissa::cpu
