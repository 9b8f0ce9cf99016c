// Reorders by transposing tiles of kLanes pixels and as many vectors' lanes in registers. In 16
// bits two neighbouring channels' planes become one of pairs before, or the other way behind it.
#pragma once

#include "backends/cpu/kernels/reorder.h"
#include "backends/cpu/kernels/storage_inl.h"

namespace kissa::cpu {
namespace {

KISSA_INLINE int at_most_lanes(std::int64_t count) {
  return count < kLanes ? static_cast<int>(count) : kLanes;
}

// `count` pixels of `channels` planes into kLanes lanes of each pixel's block.
template <class Storage>
KISSA_INLINE void tile_to_blocked(const float* src, std::int64_t plane, int channels, int count,
                                  float* dst) {
  Vec rows[kLanes];
  KISSA_UNROLL(16)
  for (int c = 0; c < kLanes; ++c)
    rows[c] = Storage::narrow_any(Storage::of([&](int part) {
      const int channel = c * Storage::kParts + part;
      return channel < channels ? load_some(src + channel * plane, count) : Vec{};
    }));
  transpose(rows);
  KISSA_UNROLL(16)
  for (int i = 0; i < kLanes; ++i)
    if (i < count) store(dst + i * kBlock, rows[i]);
}

template <class Storage>
void to_blocked(const float* src, std::int64_t plane, int channels, std::int64_t pixels,
                float* dst) noexcept {
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    const int first = lane * Storage::kParts;
    for (std::int64_t i = 0; i < pixels; i += kLanes)
      tile_to_blocked<Storage>(src + first * plane + i, plane, channels - first,
                               at_most_lanes(pixels - i), dst + i * kBlock + lane);
  }
}

template <class Storage>
KISSA_INLINE void tile_from_blocked(const float* src, int count, int channels, float* dst,
                                    std::int64_t plane) {
  Vec rows[kLanes];
  KISSA_UNROLL(16)
  for (int i = 0; i < kLanes; ++i) rows[i] = i < count ? load(src + i * kBlock) : Vec{};
  transpose(rows);
  KISSA_UNROLL(16)
  for (int c = 0; c < kLanes; ++c) {
    const auto value = Storage::widen(rows[c]);
    KISSA_UNROLL(2)
    for (int part = 0; part < Storage::kParts; ++part) {
      const int channel = c * Storage::kParts + part;
      if (channel < channels) store_some(dst + channel * plane, Storage::part(value, part), count);
    }
  }
}

template <class Storage>
void from_blocked(const float* src, std::int64_t pixels, int channels, float* dst,
                  std::int64_t plane) noexcept {
  for (int lane = 0; lane * Storage::kParts < channels; lane += kLanes) {
    const int first = lane * Storage::kParts;
    for (std::int64_t i = 0; i < pixels; i += kLanes)
      tile_from_blocked<Storage>(src + i * kBlock + lane, at_most_lanes(pixels - i),
                                 channels - first, dst + first * plane + i, plane);
  }
}

template <int bytes, int pieces>
void gather(const Piece* from, std::int64_t pixels, void* to) noexcept {
  char* dst = static_cast<char*>(to);
  for (std::int64_t i = 0; i < pixels; ++i) {
    KISSA_UNROLL(2)
    for (int p = 0; p < pieces; ++p, dst += bytes)
      __builtin_memcpy(dst, static_cast<const char*>(from[p].data) + i * from[p].step, bytes);
  }
}

// Visits the pairs of vectors of a pixel's 32 channels: visit(v, c), vector v of a block of 16 bits
// and the first of its channels.
template <class Visit>
KISSA_INLINE void for_each_pair(const Visit& visit) {
  KISSA_UNROLL(4)
  for (int v = 0; v < kVecs; ++v) visit(v, 2 * v * kLanes);
}

template <class Storage>
void narrow(const WideBlocks& src, std::int64_t pixels, float* dst) noexcept {
  for (std::int64_t i = 0; i < pixels; ++i) {
    const std::int64_t at = i * src.step;
    const auto channels_from = [&](int c) {
      if (c < kBlock) return load(src.low + at + c);
      return src.high == nullptr ? Vec{} : load(src.high + at + c - kBlock);
    };
    for_each_pair([&](int v, int c) {
      const Pair x = Storage::from_order(channels_from(c), channels_from(c + kLanes));
      store(dst + i * kBlock + v * kLanes, Storage::narrow_any(x));
    });
  }
}

template <class Storage>
void widen(const float* src, std::int64_t pixels, const MutableWideBlocks& dst) noexcept {
  for (std::int64_t i = 0; i < pixels; ++i) {
    const std::int64_t at = i * dst.step;
    const auto store_from = [&](int c, Vec x) {
      if (c < kBlock)
        store(dst.low + at + c, x);
      else if (dst.high != nullptr)
        store(dst.high + at + c - kBlock, x);
    };
    for_each_pair([&](int v, int c) {
      const Pair x = Storage::widen(load(src + i * kBlock + v * kLanes));
      store_from(c, interleave_low(x.even, x.odd));
      store_from(c + kLanes, interleave_high(x.even, x.odd));
    });
  }
}

template <class Storage>
constexpr StorageReorderKernels make_reorder_kernels() {
  StorageReorderKernels kernels = {.to_blocked = to_blocked<Storage>,
                                   .from_blocked = from_blocked<Storage>,
                                   .narrow = nullptr,
                                   .widen = nullptr};
  if constexpr (Storage::kParts == 2) {
    kernels.narrow = narrow<Storage>;
    kernels.widen = widen<Storage>;
  }
  return kernels;
}

constexpr ReorderKernels kReorderKernels = {.gather_words = gather<4, kBlock>,
                                            .gather_halves = gather<2, 2 * kBlock>,
                                            .gather_half_blocks = gather<32, 2>};

}  // namespace
}  // namespace kissa::cpu
