// Kernels in BF16 with sums in FP32.
//
// They work on pairs: a pair of BF16 values of neighbouring channels stands where the FP32 kernels
// have one float, so that a block is 32 channels, and a step of a sum adds the products of both:
//   source: ..., ceil(C / 32), pixels, 16 pairs        weights: ..., pairs, m * 16 outputs
// The tile is GemmTile with src, src_stride, channels and weight counted in pairs.
#pragma once

#include "backends/cpu/kernels/gemm.h"
#include "backends/cpu/kernels/winograd.h"

namespace kissa::cpu {

// Rounds pixels of one or two blocks of 16 FP32 channels to nearest even: one block of pairs.
struct Bf16Pack {
  const float* first;
  const float* second;  // null: there is none, and the upper pairs are zero
  float* dst;           // pairs
  long step;            // pixels of the source from one to the next
  long pixels;
};

struct Bf16Kernels {
  const char* isa;
  int pairs_multiple;  // sums take such a number of pairs: a multiple of this
  GemmKernels gemm;
  void (*pack)(const Bf16Pack&) noexcept;
  // As WinogradKernels::input, of F(2x2, 3x3), but rounded: 16 channels to 8 pairs a point.
  void (*winograd_input)(const WinogradInput&) noexcept;
};

#if defined(__x86_64__)
extern const Bf16Kernels kAvx512Bf16Kernels;
extern const Bf16Kernels kAmxKernels;
#endif

}  // namespace kissa::cpu
