// Bf16Kernels on AMX: GemmTile with tile registers of 16 rows of 64 bytes.
//
// Up to 32 pixels x 2 blocks of outputs are four accumulators; a step takes a block of 16 pairs of
// channels: two tiles of pixels (rows: pixels), two of weights (rows: pairs), four products.
//             16 outputs  16 outputs
//   16 pixels     0           1        pixels: 4, 5    weights: 6, 7
//   16 pixels     2           3
// Rows that a tile lacks are left out of its configuration. Sums need whole blocks of pairs.
#pragma once

#include "backends/cpu/kernels/bf16_inl.h"

namespace kissa::cpu {
namespace {

constexpr int kAmxPixels = 32;
constexpr int kAmxBlocks = 2;
constexpr int kRowBytes = 64;

struct alignas(64) TileConfig {
  unsigned char palette;
  unsigned char start_row;
  unsigned char reserved[14];
  unsigned short row_bytes[16];
  unsigned char rows[16];
};

TileConfig tile_config(int first, int second) {
  const int rows[8] = {first, first, second, second, first, second, kBlock, kBlock};
  TileConfig config = {};
  config.palette = 1;
  for (int i = 0; i < 8; ++i) {
    config.rows[i] = static_cast<unsigned char>(rows[i]);
    config.row_bytes[i] = static_cast<unsigned short>(rows[i] != 0 ? kRowBytes : 0);
  }
  return config;
}

void clamp_pixels(const GemmTile& tile, int block, int pixels) {
  const Vec low = broadcast(tile.low[block]);
  const Vec high = broadcast(tile.high[block]);
  float* dst = tile.dst[block];
  for (int i = 0; i < pixels; ++i, dst += kBlock) store(dst, min(high, max(low, load(dst))));
}

template <int N, int M>
void amx_tile(const GemmTile& tile) {
  constexpr int kFirst = N < 16 ? N : 16;
  constexpr int kSecond = N - kFirst;
  const TileConfig config = tile_config(kFirst, kSecond);
  _tile_loadconfig(&config);
  // Row stride 0: every pixel starts with the biases.
  _tile_loadd(0, tile.bias, 0);
  if (M > 1) _tile_loadd(1, tile.bias + kBlock, 0);
  if (kSecond > 0) _tile_loadd(2, tile.bias, 0);
  if (kSecond > 0 && M > 1) _tile_loadd(3, tile.bias + kBlock, 0);

  const float* block = tile.src;
  const float* weight = tile.weight;
  const char* prefetch = tile.prefetch;
  for (int left = tile.channels; left > 0; left -= kBlock, block += tile.src_stride) {
    for (int i = 0; i < tile.prefetch_lines; ++i) prefetch_l2(prefetch + i * 64);
    prefetch += tile.prefetch_lines * 64;
    for (int t = 0; t < tile.taps; ++t, weight += kBlock * M * kBlock) {
      const float* pixels = block + tile.tap_offset[t];
      _tile_loadd(6, weight, M * kRowBytes);
      _tile_loadd(4, pixels, kRowBytes);
      _tile_dpbf16ps(0, 4, 6);
      if (M > 1) _tile_loadd(7, weight + kBlock, M * kRowBytes);
      if (M > 1) _tile_dpbf16ps(1, 4, 7);
      if (kSecond > 0) _tile_loadd(5, pixels + 16 * kBlock, kRowBytes);
      if (kSecond > 0) _tile_dpbf16ps(2, 5, 6);
      if (kSecond > 0 && M > 1) _tile_dpbf16ps(3, 5, 7);
    }
  }

  _tile_stored(0, tile.dst[0], kRowBytes);
  if (M > 1) _tile_stored(1, tile.dst[1], kRowBytes);
  if (kSecond > 0) _tile_stored(2, tile.dst[0] + 16 * kBlock, kRowBytes);
  if (kSecond > 0 && M > 1) _tile_stored(3, tile.dst[1] + 16 * kBlock, kRowBytes);
  _tile_release();
  if (!tile.clamp) return;
  for (int j = 0; j < M; ++j) clamp_pixels(tile, j, N);
}

struct AmxTiles {
  template <int N, int M>
  static void run(const GemmTile& tile) noexcept {
    amx_tile<N, M>(tile);
  }
};

constexpr Bf16Kernels make_amx_kernels(const char* isa) {
  Bf16Kernels kernels = make_bf16_kernels(isa);
  kernels.gemm = {};
  add_tiles<AmxTiles, kAmxPixels, 1>(kernels.gemm);
  add_tiles<AmxTiles, kAmxPixels, 2>(kernels.gemm);
  for (int m = 1; m <= kAmxBlocks; ++m) kernels.gemm.pixels[m - 1] = kAmxPixels;
  kernels.pairs_multiple = kBlock;
  return kernels;
}

}  // namespace
}  // namespace kissa::cpu
