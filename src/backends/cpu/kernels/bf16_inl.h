// FlatConv on AVX-512 with its BF16 extension, and how sums of either extension are stored. The
// products of a pair are added in FP32, exactly but for the rounding of the sum (and with denormals
// taken for zero).
#pragma once

#include "backends/cpu/kernels/activation_inl.h"
#include "backends/cpu/kernels/bf16.h"
#include "backends/cpu/kernels/gemm_inl.h"
#include "backends/cpu/kernels/lanes_inl.h"
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
  if (out.slope != nullptr) return leaky_relu(x, load(out.slope));
  return clamp(x, out.low, out.high);
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

// Rounds and stores the sums of flat pixels, some at a time. Those of pixel i and half j lie at
// i * pixel + j * half.
template <int M>
class StoreSums {
 public:
  StoreSums(const FlatConv& conv, long pixel, long half)
      : width_(conv.width), pitch_(conv.pitch), pixel_(pixel), half_(half) {
    for (int j = 0; j < M; ++j) out_[j] = conv.outputs[j];
    is_line_ = M == 2 && out_[M - 1].dst == out_[0].dst + kBlock / 2;
    is_clamp_ = true;
    for (int j = 0; j < M; ++j)
      is_clamp_ &= out_[j].residual == nullptr && out_[j].slope == nullptr;
  }

  void begin(const float* sums, int first, int count) {
    sums_ = sums;
    left_ = count;
    column_ = first % pitch_;
    at_ = (static_cast<long>(first / pitch_) * width_ + min(column_, width_)) * kBlock;
  }

  // At most `count` more pixels.
  KISSA_INLINE void run(int count) {
    if (is_line_ && is_clamp_)
      each(count, [&] { store_line(out_[0].dst + at_, clamped(0), clamped(M - 1)); });
    else
      each(count, [&] {
        for (int j = 0; j < M; ++j) store_half(out_[j], activate(out_[j], sum(j), at_), at_);
      });
  }

 private:
  static int min(int a, int b) { return a < b ? a : b; }
  Vec sum(int j) const { return load(sums_ + j * half_); }
  Vec clamped(int j) const {
    return cpu::min(broadcast(out_[j].high), max(broadcast(out_[j].low), sum(j)));
  }

  template <class StorePixel>
  KISSA_INLINE void each(int count, const StorePixel& store_pixel) {
    for (int n = min(count, left_); n > 0; --n, --left_, sums_ += pixel_) {
      if (column_ < width_) {
        store_pixel();
        at_ += kBlock;
      }
      if (++column_ == pitch_) column_ = 0;
    }
  }

  HalfBlock out_[M];
  int width_, pitch_;
  long pixel_, half_;
  bool is_line_, is_clamp_;
  const float* sums_ = nullptr;
  int left_ = 0;
  int column_ = 0;
  long at_ = 0;
};

struct Bf16Pairs : Fp32 {
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
  StoreSums<M> store(conv, kBlock, N * kBlock);
  store.begin(sums[0], first, N);
  store.run(N);
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

// Pairs of two planes' pixels.
KISSA_INLINE Vec pairs_of(Vec low, Vec high) {
  const __m512i first = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(low)));
  const __m512i second = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(high)));
  return reinterpret_cast<Vec>(_mm512_or_si512(first, _mm512_slli_epi32(second, 16)));
}

KISSA_INLINE void interleave_lanes(const float* const (&planes)[4], long at, long count,
                                   float* dst) {
  const bool is_full = count == kLanes;
  Vec x[4];
  KISSA_UNROLL(4)
  for (int c = 0; c < 4; ++c) {
    x[c] = Vec{};
    if (planes[c] != nullptr)
      x[c] = is_full ? load(planes[c] + at) : load_part(planes[c] + at, count, 0.0f);
  }
  const Vec low = pairs_of(x[0], x[1]);
  const Vec high = pairs_of(x[2], x[3]);
  const Vec first = interleave_low(low, high);
  const Vec second = interleave_high(low, high);
  if (is_full) {
    store(dst, first);
    store(dst + kLanes, second);
    return;
  }
  store_part(dst, first, 2 * count < kLanes ? 2 * count : kLanes);
  if (2 * count > kLanes) store_part(dst + kLanes, second, 2 * count - kLanes);
}

void interleave_pixels(const float* const (&planes)[4], long pixels, float* dst) noexcept {
  long i = 0;
  for (; i + kLanes <= pixels; i += kLanes) interleave_lanes(planes, i, kLanes, dst + 2 * i);
  if (i < pixels) interleave_lanes(planes, i, pixels - i, dst + 2 * i);
}

void expand_pixels(const float* src, long stride, long pixels, float* dst) noexcept {
  for (long i = 0; i < pixels; ++i) store(dst + i * kBlock, load(src + i * stride));
}

void widen_pixels(const float* half, float* dst, const PixelRows& pixels) noexcept {
  for_each_pixel(pixels, [&](long from, long to) { store(dst + to, widen_half(half + from)); });
}

void store_pixels(const HalfBlock& half, const float* sums, const PixelRows& pixels) noexcept {
  for_each_pixel(pixels, [&](long to, long from) {
    store_half(half, activate(half, load(sums + from), to), to);
  });
}

constexpr HalfKernels kBf16HalfKernels = {.widen = widen_pixels, .store = store_pixels};

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
                                          .interleave = interleave_pixels,
                                          .expand = expand_pixels,
                                          .halves = kBf16HalfKernels,
                                          .products = make_gemm_kernels<Bf16Tiles>(),
                                          .winograd_input = winograd_input_bf16};

}  // namespace
}  // namespace kissa::cpu
