// DepthwiseRow on Vec: a few outputs at a time in registers, so that each tap's weights are loaded
// once for all of them. One product a load bounds it.
#pragma once

#include "backends/cpu/kernels/depthwise.h"

namespace kissa::cpu {
namespace {

constexpr int kDepthwisePixels = kLanes == 16 ? 6 : 3;

// N outputs from q on, all of whose taps lie inside of the row, or one output with any taps.
template <int N>
KISSA_INLINE void depthwise_pixels(const DepthwiseRow& row, long q, int lane) {
  Vec acc[N];
  const Vec bias = load(row.bias + lane);
  KISSA_UNROLL(8)
  for (int n = 0; n < N; ++n) acc[n] = bias;
  const long first = q * row.stride - row.pad;
  for (int r = 0; r < row.rows; ++r) {
    if (row.row[r] == nullptr) continue;
    const float* weight = row.weight + static_cast<long>(r) * row.columns * kBlock + lane;
    for (int s = 0; s < row.columns; ++s, weight += kBlock) {
      const long x = first + s * row.dilation;
      if (N == 1 && (x < 0 || x >= row.width)) continue;
      const Vec w = load(weight);
      KISSA_UNROLL(8)
      for (int n = 0; n < N; ++n)
        acc[n] += load(row.row[r] + (x + n * row.stride) * kBlock + lane) * w;
    }
  }
  const Vec low = broadcast(row.low);
  const Vec high = broadcast(row.high);
  KISSA_UNROLL(8)
  for (int n = 0; n < N; ++n) store(row.dst + (q + n) * kBlock + lane, min(high, max(low, acc[n])));
}

void depthwise_row(const DepthwiseRow& row) noexcept {
  const long reach = (row.columns - 1) * row.dilation;
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    long q = 0;
    while (q < row.pixels) {
      const long first = q * row.stride - row.pad;
      const long last = first + (kDepthwisePixels - 1) * row.stride + reach;
      if (first >= 0 && last < row.width && q + kDepthwisePixels <= row.pixels) {
        depthwise_pixels<kDepthwisePixels>(row, q, lane);
        q += kDepthwisePixels;
      } else {
        depthwise_pixels<1>(row, q, lane);
        ++q;
      }
    }
  }
}

}  // namespace
}  // namespace kissa::cpu
