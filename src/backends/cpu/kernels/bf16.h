// Kernels in BF16 with sums in FP32, on tensors in blocks of 32 channels (Layout::kBlocked32).
//
// They work on pairs: a pair of BF16 values of neighbouring channels stands where the FP32 kernels
// have one float, so that a pixel of a block takes 16 of them, and a step of a sum adds the
// products of both:
//   source: ..., ceil(C / 32), pixels, 16 pairs        weights: ..., pairs, m * 16 outputs
#pragma once

#include "backends/cpu/kernels/gemm.h"
#include "backends/cpu/kernels/half.h"
#include "backends/cpu/kernels/winograd.h"

namespace kissa::cpu {

// A stretch of a convolution: `pixels` flat pixels by m halves of blocks,
//   y[f][j * 16 + l] = bias[j * 16 + l] + sum over b, t, c of
//       src[b * src_stride + tap_offset[t] + f * 16 + c] * weight[b][t][c][j * 16 + l]
// with c a pair of channels. A flat pixel f is column f % pitch of row f / pitch; columns from
// `width` on are computed but not stored, so that tiles need not end with rows.
struct FlatConv {
  const float* src;
  long src_stride;         // from one block of channels to the next
  const long* tap_offset;  // `taps` of them
  int taps;
  int pairs;  // of channels in a sum; a multiple of Bf16Kernels::pairs_multiple
  const float* weight;
  const float* bias;
  const HalfBlock* outputs;  // m
  int pixels;
  int pitch;
  int width;
  const char* prefetch;  // what comes next: these lines (64 bytes) are brought into L2 meanwhile
  int prefetch_lines;
};

inline constexpr int kMaxFlatBlocks = 2;

struct Bf16Kernels {
  const char* isa;
  int pairs_multiple;
  void (*flat[kMaxFlatBlocks])(const FlatConv&) noexcept;  // [m - 1]
  // Planes of FP32 pixels to pixels of 4 channels, 2 pairs. A null plane is zero.
  void (*interleave)(const float* const (&planes)[4], long pixels, float* dst) noexcept;
  // dst[i][0..16) = src[i * stride + 0..16)
  void (*expand)(const float* src, long stride, long pixels, float* dst) noexcept;

  HalfKernels halves;

  // For Winograd's method; without tiles, and null, where direct convolution is faster anyway.
  // Products of pairs.
  GemmKernels products;
  // As WinogradKernels::input, of F(2x2, 3x3), but rounded: 16 channels to 8 pairs a point.
  void (*winograd_input)(const WinogradInput&) noexcept;
};

#if defined(__x86_64__)
extern const Bf16Kernels kAvx512Bf16Kernels;
extern const Bf16Kernels kAmxKernels;
#endif

}  // namespace kissa::cpu
