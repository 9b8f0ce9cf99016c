// The micro-kernel of 1x1 and direct convolution and of Winograd's products.
#pragma once

namespace kissa::cpu {

// One tile of a convolution over blocked channels: n pixels x m blocks of 16 outputs.
//   dst[j][p * 16 + l] = clamp(bias[j * 16 + l] + sum over c, t of
//       src[c / 16 * src_stride + tap_offset[t] + p * 16 + c % 16] * weight[c][t][j * 16 + l])
// Weights lie in the order of the sum: block of channels, tap, channel of the block, m * 16
// outputs.
struct GemmTile {
  const float* src;
  long src_stride;         // floats from one block of channels to the next
  const long* tap_offset;  // floats; `taps` of them
  int taps;
  int channels;  // of the sum; no multiple of 16 is needed
  const float* weight;
  float factor;       // of weights in FP16 alone: what the sum is multiplied by
  const float* bias;  // m * 16
  float* const* dst;  // m addresses
  bool clamp;         // between low[j] and high[j], or not at all
  const float* low;   // m, where clamp
  const float* high;
  const char* prefetch;  // what comes next: these lines (64 bytes) for each block of channels are
  int prefetch_lines;    // brought into L2 meanwhile
};

// A tile of kernels.planar reads planes of single floats and has a tap for each channel too:
//   dst[j][p * 16 + l] = clamp(bias[j * 16 + l] + sum over t of
//       src[tap_offset[t] + p] * weight[t][j * 16 + l])
// It leaves src_stride, channels and the prefetch alone.

inline constexpr int kMaxTileBlocks = 4;
inline constexpr int kMaxTilePixels = 32;

struct GemmKernels {
  // [m - 1][n - 1]; n goes up to pixels[m - 1], which is 0 where there is no tile of m blocks.
  void (*tile[kMaxTileBlocks][kMaxTilePixels])(const GemmTile&) noexcept;
  int pixels[kMaxTileBlocks];
};

}  // namespace kissa::cpu
