// FlatConv on AVX-512 with its BF16 extension, and how sums of either extension are stored. The
// products of a pair are added in FP32, exactly but for the rounding of the sum (and with denormals
// taken for zero).
#pragma once

#include "backends/cpu/kernels/bf16.h"
#include "backends/cpu/kernels/gemm_inl.h"
#include "backends/cpu/kernels/winograd_inl.h"

namespace kissa::cpu {
namespace {

KISSA_INLINE Vec widen_half(const float* p) {
  __m256i half;
  __builtin_memcpy(&half, p, sizeof half);
  return reinterpret_cast<Vec>(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

KISSA_INLINE Vec activate(const HalfBlock& out, Vec x, long at) {
  if (out.residual != nullptr) x += widen_half(out.residual + at);
  if (out.leaky) return max(broadcast(0.0f), x) + out.slope * min(broadcast(0.0f), x);
  return min(broadcast(out.high), max(broadcast(out.low), x));
}

// Two neighbouring halves as one line.
KISSA_INLINE void store_line(float* dst, Vec low, Vec high) {
  store(dst, reinterpret_cast<Vec>(_mm512_cvtne2ps_pbh(high, low)));
}

KISSA_INLINE void store_half(const HalfBlock& out, Vec x, long at) {
  if (out.is_last) {
    store_line(out.dst + at, x, broadcast(0.0f));
    return;
  }
  const __m256bh rounded = _mm512_cvtneps_pbh(x);
  __builtin_memcpy(out.dst + at, &rounded, sizeof rounded);
}

// The sums of `count` flat pixels from `first` on: of pixel i and half j at i * pixel + j * half.
template <int M>
KISSA_INLINE void store_sums(const FlatConv& conv, const float* sums, long pixel, long half,
                             int first, int count) {
  const HalfBlock* out = conv.outputs;
  const bool is_line = M == 2 && out[1].dst == out[0].dst + kBlock / 2;
  long row = first / conv.pitch;
  int column = first % conv.pitch;
  for (int i = 0; i < count;) {
    if (column >= conv.width) {
      i += conv.pitch - column;
      sums += (conv.pitch - column) * pixel;
      column = 0;
      ++row;
      continue;
    }
    long at = (row * conv.width + column) * kBlock;
    const int left = count - i < conv.width - column ? count - i : conv.width - column;
    for (int k = 0; k < left; ++k, at += kBlock, sums += pixel) {
      const Vec x = activate(out[0], load(sums), at);
      if (is_line) {
        store_line(out[0].dst + at, x, activate(out[M - 1], load(sums + (M - 1) * half), at));
      } else {
        store_half(out[0], x, at);
        if (M > 1) store_half(out[M - 1], activate(out[M - 1], load(sums + half), at), at);
      }
    }
    i += left;
    column += left;
  }
}

struct Bf16Pairs {
  KISSA_INLINE static Vec multiply_add(Vec acc, Vec x, Vec w) {
    return _mm512_dpbf16_ps(acc, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(w));
  }
};

// Tiles of N pixels x M halves in registers, stored by way of L1.
template <int N, int M>
void flat_tile(const FlatConv& conv, int first, const char*& prefetch, int lines) {
  alignas(64) float sums[M][N * kBlock];
  float* dst[M];
  for (int j = 0; j < M; ++j) dst[j] = sums[j];
  GemmTile tile = {};
  tile.src = conv.src + static_cast<long>(first) * kBlock;
  tile.src_stride = conv.src_stride;
  tile.tap_offset = conv.tap_offset;
  tile.taps = conv.taps;
  tile.channels = conv.pairs;
  tile.weight = conv.weight;
  tile.bias = conv.bias;
  tile.dst = dst;
  tile.prefetch = prefetch;
  tile.prefetch_lines = lines;
  gemm_tile<Bf16Pairs, N, M>(tile);
  prefetch += static_cast<long>(lines) * ((conv.pairs + kBlock - 1) / kBlock) * 64;
  store_sums<M>(conv, sums[0], kBlock, N * kBlock, first, N);
}

template <int N, int M>
void flat_rest(const FlatConv& conv, int first, int count, const char*& prefetch, int lines) {
  if constexpr (N > 0) {
    if (count == N)
      flat_tile<N, M>(conv, first, prefetch, lines);
    else
      flat_rest<N - 1, M>(conv, first, count, prefetch, lines);
  }
}

template <int M>
void flat_conv(const FlatConv& conv) noexcept {
  constexpr int kPixels = tile_pixels(M);
  const int tiles = (conv.pixels + kPixels - 1) / kPixels;
  const int blocks = (conv.pairs + kBlock - 1) / kBlock;
  const int lines = (conv.prefetch_lines + tiles * blocks - 1) / (tiles * blocks);
  const char* prefetch = conv.prefetch;
  int first = 0;
  for (; first + kPixels <= conv.pixels; first += kPixels)
    flat_tile<kPixels, M>(conv, first, prefetch, lines);
  flat_rest<kPixels - 1, M>(conv, first, conv.pixels - first, prefetch, lines);
}

void widen(const float* half, float* dst, long pixels) noexcept {
  for (long i = 0; i < pixels * kBlock; i += kBlock) store(dst + i, widen_half(half + i));
}

void store_pixels(const HalfBlock& half, const float* sums, long pixels) noexcept {
  for (long i = 0; i < pixels * kBlock; i += kBlock)
    store_half(half, activate(half, load(sums + i), i), i);
}

void winograd_input_bf16(const WinogradInput& tile) noexcept {
  constexpr int kPoints = kWinogradSizes[kF2x3].points;
  transform_input_points<kPoints>(tile, 0, [&](float* dst, Vec v) {
    const __m256bh rounded = _mm512_cvtneps_pbh(v);
    __builtin_memcpy(dst, &rounded, sizeof rounded);
  });
}

struct Bf16Tiles {
  template <int N, int M>
  static void run(const GemmTile& tile) noexcept {
    gemm_tile<Bf16Pairs, N, M>(tile);
  }
};

constexpr Bf16Kernels kAvx512Bf16Table = {.isa = "avx512_bf16",
                                          .pairs_multiple = 1,
                                          .flat = {flat_conv<1>, flat_conv<2>},
                                          .widen = widen,
                                          .store = store_pixels,
                                          .products = make_gemm_kernels<Bf16Tiles>(),
                                          .winograd_input = winograd_input_bf16};

}  // namespace
}  // namespace kissa::cpu
