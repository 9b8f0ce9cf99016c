// What the translation units of this folder offer: one table of functions for each instruction set.
//
// Each kernel is written once, on the Vec of vec_<isa>.h, in a file *_inl.h, and compiled once for
// each instruction set by <isa>.cpp with flags of its own. Nothing else in those objects may be
// visible outside, or code of the baseline would run a newer machine's instructions
// (scripts/check_isa_objects.sh); so these files use no standard library, and keep packing, threads
// and memory to the tactics that call them.
//
// A family of kernels declares its arguments and its part of the table in a header of its own.
#pragma once

#include "backends/cpu/kernels/depthwise.h"
#include "backends/cpu/kernels/elementwise.h"
#include "backends/cpu/kernels/finish.h"
#include "backends/cpu/kernels/gemm.h"
#include "backends/cpu/kernels/half.h"
#include "backends/cpu/kernels/inner_product.h"
#include "backends/cpu/kernels/lrn.h"
#include "backends/cpu/kernels/pool.h"
#include "backends/cpu/kernels/reorder.h"
#include "backends/cpu/kernels/softmax.h"
#include "backends/cpu/kernels/winograd.h"

namespace kissa::cpu {

// Kernels of tensors that are stored in FP32, BF16 or FP16; they compute in FP32.
struct StorageKernels {
  PoolKernels pool;
  LrnKernels lrn;
  ElementwiseKernels elementwise;
  StorageReorderKernels reorder;
};

struct Kernels {
  const char* isa;  // the last part of a tactic's name
  int lanes;        // floats in a vector register
  GemmKernels gemm;
  GemmKernels gemm_f16;  // the same from weights in FP16; none where widening them first is faster
  GemmKernels planar;    // sums over planes of pixels, not blocks of channels
  FinishKernel finish;
  PeakKernel peak;
  WinogradKernels winograd;
  DepthwiseKernel depthwise;
  StorageKernels f32;
  StorageKernels bf16;
  StorageKernels f16;
  HalfKernels f16_halves;
  WidenWeights widen_weights;
  InnerProductKernels inner_product;
  SoftmaxKernels softmax;
  ChannelRowKernels channel_rows;
  ReorderKernels reorder;
};

extern const Kernels kBaselineKernels;
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
#endif

}  // namespace kissa::cpu
