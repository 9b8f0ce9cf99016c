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

// Accumulators, weights and one broadcast value fill the registers.
constexpr int tile_pixels(int m) {
  const int vecs = m * kVecs;
  const int pixels = (kRegisters - 1 - vecs) / vecs;
  return pixels < kMaxTilePixels ? pixels : kMaxTilePixels;
}

// Step: floats from one pixel to the next.
template <int Step, int N, int V>
KISSA_INLINE void multiply_add(Vec (&acc)[N][V], const float* pixels, const float* weight) {
  Vec w[V];
  KISSA_UNROLL(16)
  for (int v = 0; v < V; ++v) w[v] = load(weight + v * kLanes);
  KISSA_UNROLL(16)
  for (int n = 0; n < N; ++n) {
    const Vec x = broadcast(pixels[n * Step]);
    KISSA_UNROLL(16)
    for (int v = 0; v < V; ++v) acc[n][v] += x * w[v];
  }
}

template <int N, int V>
KISSA_INLINE void sum(const GemmTile& tile, Vec (&acc)[N][V]) {
  constexpr int kRow = V * kLanes;  // weights of one channel and tap
  const float* block = tile.src;
  const float* weight = tile.weight;
  const char* prefetch = tile.prefetch;
  for (int left = tile.channels; left > 0; left -= kBlock, block += tile.src_stride) {
    for (int i = 0; i < tile.prefetch_lines; ++i) prefetch_l2(prefetch + i * 64);
    prefetch += tile.prefetch_lines * 64;
    for (int t = 0; t < tile.taps; ++t) {
      const float* pixels = block + tile.tap_offset[t];
      KISSA_UNROLL(16)
      for (int n = 0; n < N; ++n) prefetch_l1(pixels + tile.src_stride + n * kBlock);
      if (left >= kBlock) {
        KISSA_UNROLL(4)
        for (int k = 0; k < kBlock; ++k) multiply_add<kBlock>(acc, pixels + k, weight + k * kRow);
        weight += kBlock * kRow;
      } else {
        KISSA_UNROLL(1)
        for (int k = 0; k < left; ++k) multiply_add<kBlock>(acc, pixels + k, weight + k * kRow);
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

template <int N, int M>
void gemm_tile(const GemmTile& tile) noexcept {
  Vec acc[N][M * kVecs];
  start_with_bias(tile, acc);
  sum(tile, acc);
  store_tile(tile, acc);
}

template <int N, int M>
void planar_tile(const GemmTile& tile) noexcept {
  constexpr int kV = M * kVecs;
  Vec acc[N][kV];
  start_with_bias(tile, acc);
  const float* weight = tile.weight;
  for (int t = 0; t < tile.taps; ++t, weight += kV * kLanes)
    multiply_add<1>(acc, tile.src + tile.tap_offset[t], weight);
  store_tile(tile, acc);
}

void finish_run(const FinishRun& run) noexcept {
  const Vec zero = broadcast(0.0f);
  const Vec slope = broadcast(run.slope);
  const Vec low = broadcast(run.low);
  const Vec high = broadcast(run.high);
  for (long i = 0; i < run.count; i += kLanes) {
    Vec x = load(run.dst + i);
    if (run.residual != nullptr) x += load(run.residual + i);
    if (run.leaky)
      x = max(zero, x) + slope * min(zero, x);
    else
      x = min(high, max(low, x));
    store(run.dst + i, x);
  }
}

float peak(long rounds) noexcept {
  Vec acc[kPeakVecs];
  KISSA_UNROLL(16)
  for (int i = 0; i < kPeakVecs; ++i) acc[i] = broadcast(static_cast<float>(i));
  // In memory that the compiler cannot know, so that no product is folded.
  volatile float numbers[2] = {0.999f, 0.001f};
  const Vec factor = broadcast(numbers[0]);
  const Vec term = broadcast(numbers[1]);
  for (long i = 0; i < rounds; ++i) {
    KISSA_UNROLL(16)
    for (int j = 0; j < kPeakVecs; ++j) acc[j] = acc[j] * factor + term;
  }
  Vec sum = acc[0];
  KISSA_UNROLL(16)
  for (int i = 1; i < kPeakVecs; ++i) sum += acc[i];
  return sum[0];
}

template <bool kPlanar, int N, int M>
constexpr void add_tiles(GemmKernels& kernels) {
  kernels.tile[M - 1][N - 1] = kPlanar ? planar_tile<N, M> : gemm_tile<N, M>;
  if constexpr (N > 1)
    add_tiles<kPlanar, N - 1, M>(kernels);
  else if constexpr (M > 1)
    add_tiles<kPlanar, tile_pixels(M - 1), M - 1>(kernels);
}

template <bool kPlanar>
constexpr GemmKernels make_gemm_kernels() {
  GemmKernels kernels = {};
  add_tiles<kPlanar, tile_pixels(kTileBlocks), kTileBlocks>(kernels);
  for (int m = 1; m <= kTileBlocks; ++m) kernels.pixels[m - 1] = tile_pixels(m);
  return kernels;
}

}  // namespace
}  // namespace kissa::cpu
