// FlatConv on AMX, with tile registers of 16 rows of 64 bytes.
//
// 32 pixels x 2 halves of blocks are four accumulators; a step takes a block of 16 pairs of
// channels at one tap: two tiles of pixels (rows: pixels), two of weights (rows: pairs), four
// products of 16 cycles each.
//             16 outputs  16 outputs
//   16 pixels     0           1        pixels: 4, 5    weights: 6, 7
//   16 pixels     2           3
// All tiles of a stretch are full: the last one starts earlier and computes some pixels again. The
// registers are configured once a stretch; sums are stored by way of L1.
#pragma once

#include "backends/cpu/kernels/bf16_inl.h"

namespace kissa::cpu {
namespace {

constexpr int kAmxPixels = 32;
constexpr int kRowBytes = 64;

struct alignas(64) TileConfig {
  unsigned char palette;
  unsigned char start_row;
  unsigned char reserved[14];
  unsigned short row_bytes[16];
  unsigned char rows[16];
};

void configure_tiles(int first, int second) {
  const int rows[8] = {first, first, second, second, first, second, kBlock, kBlock};
  TileConfig config = {};
  config.palette = 1;
  for (int i = 0; i < 8; ++i) {
    config.rows[i] = static_cast<unsigned char>(rows[i]);
    config.row_bytes[i] = static_cast<unsigned short>(rows[i] != 0 ? kRowBytes : 0);
  }
  _tile_loadconfig(&config);
}

// Prefetches of lines, spread evenly over steps.
struct Prefetch {
  const char* next;
  const char* end;
  long bytes;  // of a step
  KISSA_INLINE void step() {
    const char* stop = next + bytes < end ? next + bytes : end;
    for (; next < stop; next += 64) prefetch_l2(next);
  }
};

// 16 or, with IsTall, 32 pixels (fewer where so configured) by M halves. Meanwhile the sums of the
// tile before are stored, so many pixels a step.
template <bool IsTall, int M>
KISSA_INLINE void amx_tile(const FlatConv& conv, const float* src, Prefetch& prefetch,
                           StoreSums<M>& before, int pixels_a_step, float* sums) {
  constexpr int kSumBytes = M * kRowBytes;
  // Row stride 0: every pixel starts with the biases.
  _tile_loadd(0, conv.bias, 0);
  if (M > 1) _tile_loadd(1, conv.bias + kBlock, 0);
  if (IsTall) _tile_loadd(2, conv.bias, 0);
  if (IsTall && M > 1) _tile_loadd(3, conv.bias + kBlock, 0);
  const float* weight = conv.weight;
  for (int left = conv.pairs; left > 0; left -= kBlock, src += conv.src_stride) {
    for (int t = 0; t < conv.taps; ++t, weight += kBlock * M * kBlock) {
      const float* pixels = src + conv.tap_offset[t];
      prefetch.step();
      _tile_loadd(6, weight, M * kRowBytes);
      _tile_loadd(4, pixels, kRowBytes);
      _tile_dpbf16ps(0, 4, 6);
      if (M > 1) _tile_loadd(7, weight + kBlock, M * kRowBytes);
      if (M > 1) _tile_dpbf16ps(1, 4, 7);
      if (IsTall) _tile_loadd(5, pixels + 16 * kBlock, kRowBytes);
      if (IsTall) _tile_dpbf16ps(2, 5, 6);
      if (IsTall && M > 1) _tile_dpbf16ps(3, 5, 7);
      before.run(pixels_a_step);
    }
  }
  _tile_stored(0, sums, kSumBytes);
  if (M > 1) _tile_stored(1, sums + kBlock, kSumBytes);
  if (IsTall) _tile_stored(2, sums + 16 * M * kBlock, kSumBytes);
  if (IsTall && M > 1) _tile_stored(3, sums + 16 * M * kBlock + kBlock, kSumBytes);
}

template <bool IsTall, int M>
void amx_tiles(const FlatConv& conv) {
  alignas(64) float sums[2][kAmxPixels * M * kBlock];
  const int pixels = conv.pixels < kAmxPixels ? conv.pixels : kAmxPixels;
  const int tiles = (conv.pixels + pixels - 1) / pixels;
  const int steps = conv.pairs / kBlock * conv.taps;
  const int lines = (conv.prefetch_lines + tiles * steps - 1) / (tiles * steps);
  Prefetch prefetch = {conv.prefetch, conv.prefetch + conv.prefetch_lines * 64L, lines * 64L};
  StoreSums<M> store(conv, M * kBlock, kBlock);
  const int pixels_a_step = (pixels + steps - 1) / steps;
  for (int i = 0; i < tiles; ++i) {
    const int first = i + 1 < tiles ? i * pixels : conv.pixels - pixels;
    amx_tile<IsTall, M>(conv, conv.src + static_cast<long>(first) * kBlock, prefetch, store,
                        pixels_a_step, sums[i % 2]);
    store.begin(sums[i % 2], first, pixels);
  }
  store.run(pixels);
}

template <int M>
void amx_flat_conv(const FlatConv& conv) noexcept {
  if (conv.pixels > 16) {
    configure_tiles(16, conv.pixels < kAmxPixels ? conv.pixels - 16 : 16);
    amx_tiles<true, M>(conv);
  } else {
    configure_tiles(conv.pixels, 0);
    amx_tiles<false, M>(conv);
  }
  _tile_release();
}

constexpr Bf16Kernels kAmxTable = {.isa = "amx",
                                   .pairs_multiple = kBlock,

                                   .flat = {amx_flat_conv<1>, amx_flat_conv<2>},
                                   .interleave = interleave_pixels,
                                   .expand = expand_pixels,
                                   .halves = kBf16HalfKernels,
                                   .products = {},
                                   .winograd_input = nullptr};

}  // namespace
}  // namespace kissa::cpu
