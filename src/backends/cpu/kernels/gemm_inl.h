// GemmTile on Vec.
//
// The tile stays in registers for the whole sum: n x m blocks of accumulators, m blocks of weights
// and one pixel's value at a time, broadcast.
//
//             m * 16 outputs            a step of the sum loads m blocks of weights, broadcasts n
//            +---------------+          values and makes n * m block products: 28 products to 16
//   n pixels |  accumulators |          loads with AVX-512 (14 x 2), 12 to 8 with AVX2 (6 x 1, two
//            +---------------+          vectors a block), so that products bound it, not loads.
//
// As many pixels as the registers hold: docs/kernels/conv.md has the figures.
#pragma once

#include "backends/cpu/kernels/gemm.h"

namespace kissa::cpu {
namespace {

constexpr int kTileBlocks = kLanes == 16 ? 4 : 1;

// More pixels than these add no more products a load to speak of.
constexpr int kMostPixels = 14;

// Accumulators, weights and one broadcast value fill the registers.
constexpr int tile_pixels(int m) {
  const int vecs = m * kVecs;
  const int pixels = (kRegisters - 1 - vecs) / vecs;
  return pixels < kMostPixels ? pixels : kMostPixels;
}

// The arithmetic of a step of the sum. Of kernels that take another number for two of a lower
// precision, each float of a source and of a weight is a pair of those.
struct Fp32 {
  static constexpr int kWeightBytes = 4;  // of a lane
  KISSA_INLINE static Vec load_weights(const float* p) { return load(p); }
  KISSA_INLINE static Vec multiply_add(Vec acc, Vec x, Vec w) { return acc + x * w; }
};

// The same with weights in FP16, half as many floats of memory.
struct Fp16Weighted : Fp32 {
  static constexpr int kWeightBytes = 2;
  KISSA_INLINE static Vec load_weights(const float* p) { return load_fp16(p); }
};

// Floats of memory that weights for so many lanes take.
template <class Arithmetic>
constexpr int weight_floats(int lanes) {
  return lanes * Arithmetic::kWeightBytes / 4;
}

// Step: floats from one pixel to the next.
template <class Arithmetic, int Step, int N, int V>
KISSA_INLINE void multiply_add(Vec (&acc)[N][V], const float* pixels, const float* weight) {
  Vec w[V];
  KISSA_UNROLL(16)
  for (int v = 0; v < V; ++v)
    w[v] = Arithmetic::load_weights(weight + weight_floats<Arithmetic>(v * kLanes));
  KISSA_UNROLL(16)
  for (int n = 0; n < N; ++n) {
    const Vec x = broadcast(pixels[n * Step]);
    KISSA_UNROLL(16)
    for (int v = 0; v < V; ++v) acc[n][v] = Arithmetic::multiply_add(acc[n][v], x, w[v]);
  }
}

// `kBlock` steps at one tap. Between them a few prefetches each: more at once would stall the loads
// that the sum waits for.
template <class Arithmetic, int N, int V>
KISSA_INLINE void sum_block(Vec (&acc)[N][V], const float* pixels, const float* weight,
                            const float* next_pixels, const char* prefetch, int lines) {
  const int a_step = (lines + kBlock - 1) / kBlock;
  const char* const end = prefetch + static_cast<long>(lines) * 64;
  KISSA_UNROLL(4)
  for (int k = 0; k < kBlock; ++k) {
    if (k < N) prefetch_l1(next_pixels + k * kBlock);
    for (int i = 0; i < a_step && prefetch < end; ++i, prefetch += 64) prefetch_l2(prefetch);
    multiply_add<Arithmetic, kBlock>(acc, pixels + k,
                                     weight + weight_floats<Arithmetic>(k * V * kLanes));
  }
}

template <class Arithmetic, int N, int V>
KISSA_INLINE void sum(const GemmTile& tile, Vec (&acc)[N][V]) {
  constexpr int kRow = weight_floats<Arithmetic>(V * kLanes);  // weights of one channel and tap
  const float* block = tile.src;
  const float* weight = tile.weight;
  const char* prefetch = tile.prefetch;
  const int lines = (tile.prefetch_lines + tile.taps - 1) / tile.taps;
  for (int left = tile.channels; left > 0; left -= kBlock, block += tile.src_stride) {
    for (int t = 0; t < tile.taps; ++t, prefetch += lines * 64L) {
      const float* pixels = block + tile.tap_offset[t];
      if (left >= kBlock) {
        sum_block<Arithmetic>(acc, pixels, weight, pixels + tile.src_stride, prefetch, lines);
        weight += kBlock * kRow;
      } else {
        for (int i = 0; i < lines; ++i) prefetch_l2(prefetch + i * 64L);
        KISSA_UNROLL(1)
        for (int k = 0; k < left; ++k)
          multiply_add<Arithmetic, kBlock>(acc, pixels + k, weight + k * kRow);
        weight += left * kRow;
      }
    }
  }
}

template <int N, int V>
KISSA_INLINE void start_with_bias(const GemmTile& tile, Vec (&acc)[N][V]) {
  KISSA_UNROLL(16)
  for (int v = 0; v < V; ++v) {
    const Vec bias = load(tile.bias + v * kLanes);
    KISSA_UNROLL(16)
    for (int n = 0; n < N; ++n) acc[n][v] = bias;
  }
}

template <int N, int V>
KISSA_INLINE void store_tile(const GemmTile& tile, Vec (&acc)[N][V]) {
  KISSA_UNROLL(4)
  for (int m = 0; m < V / kVecs; ++m) {
    if (tile.clamp) {
      const Vec low = broadcast(tile.low[m]);
      const Vec high = broadcast(tile.high[m]);
      KISSA_UNROLL(16)
      for (int n = 0; n < N; ++n) KISSA_UNROLL(4)
      for (int v = m * kVecs; v < (m + 1) * kVecs; ++v) acc[n][v] = min(high, max(low, acc[n][v]));
    }
    float* dst = tile.dst[m];
    KISSA_UNROLL(16)
    for (int n = 0; n < N; ++n) KISSA_UNROLL(4)
    for (int v = 0; v < kVecs; ++v) store(dst + n * kBlock + v * kLanes, acc[n][m * kVecs + v]);
  }
}

template <class Arithmetic, int N, int M>
KISSA_INLINE void gemm_tile(const GemmTile& tile) noexcept {
  Vec acc[N][M * kVecs];
  start_with_bias(tile, acc);
  sum<Arithmetic>(tile, acc);
  store_tile(tile, acc);
}

template <int N, int M>
KISSA_INLINE void planar_tile(const GemmTile& tile) noexcept {
  constexpr int kV = M * kVecs;
  Vec acc[N][kV];
  start_with_bias(tile, acc);
  const float* weight = tile.weight;
  for (int t = 0; t < tile.taps; ++t, weight += kV * kLanes)
    multiply_add<Fp32, 1>(acc, tile.src + tile.tap_offset[t], weight);
  store_tile(tile, acc);
}

struct GemmTiles {
  template <int N, int M>
  static void run(const GemmTile& tile) noexcept {
    gemm_tile<Fp32, N, M>(tile);
  }
};

struct Fp16Tiles {
  template <int N, int M>
  static void run(const GemmTile& tile) noexcept {
    Vec acc[N][M * kVecs];
    start_with_bias(tile, acc);
    sum<Fp16Weighted>(tile, acc);
    const Vec factor = broadcast(tile.factor);
    KISSA_UNROLL(16)
    for (int n = 0; n < N; ++n) KISSA_UNROLL(16)
    for (int v = 0; v < M * kVecs; ++v) acc[n][v] *= factor;
    store_tile(tile, acc);
  }
};

struct PlanarTiles {
  template <int N, int M>
  static void run(const GemmTile& tile) noexcept {
    planar_tile<N, M>(tile);
  }
};

// The tiles of up to N pixels by M blocks.
template <class Tiles, int N, int M>
constexpr void add_tiles(GemmKernels& kernels) {
  kernels.tile[M - 1][N - 1] = Tiles::template run<N, M>;
  if constexpr (N > 1) add_tiles<Tiles, N - 1, M>(kernels);
}

template <class Tiles, int M>
constexpr void add_panels(GemmKernels& kernels) {
  add_tiles<Tiles, tile_pixels(M), M>(kernels);
  kernels.pixels[M - 1] = tile_pixels(M);
  if constexpr (M > 1) add_panels<Tiles, M - 1>(kernels);
}

template <class Tiles>
constexpr GemmKernels make_gemm_kernels() {
  GemmKernels kernels = {};
  add_panels<Tiles, kTileBlocks>(kernels);
  return kernels;
}

}  // namespace
}  // namespace kissa::cpu
