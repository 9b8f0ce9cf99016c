// The tactics of the CPU backend, by name.
#pragma once

#include <memory>

#include "backends/cpu/conv_storage.h"
#include "backends/cpu/isa.h"
#include "backends/tactic.h"

namespace kissa::cpu {

// cpu.reference: any one op, by its plain reference. The oracle of all others, and the last resort.
const Tactic& reference();

// As BVLC Caffe's CPU path: im2col + GEMM, bias as its own pass. 2-D, any group, dilation.
const Tactic& conv_im2col();

// As BVLC Caffe's CPU path: one GEMM, or a matrix-vector product for one row; bias as its own pass.
const Tactic& inner_product_gemm();

// The tactics of fused mode in FP32, best first, with the best kernels up to `isa`. The list lives
// as long as the program.
TacticList fused_tactics(Isa isa);

// The same in BF16 where an op has such tactics; empty where `isa` has no such kernels.
TacticList fused_bf16_tactics(Isa isa);

// The same in FP16.
TacticList fused_fp16_tactics(Isa isa);

// Convolutions take tensors in blocks as their storage says; a first layer reads row-major
// FP32.

// 1x1 of stride 1 as one product of matrices, blocked; siblings that read one value merged.
std::unique_ptr<const Tactic> make_conv_gemm(const Kernels& kernels, const ConvStorage& storage);

// Any 2-D convolution as it is defined, blocked; groups of few channels are computed together.
std::unique_ptr<const Tactic> make_conv_direct(const Kernels& kernels, const ConvStorage& storage);

// The same for up to 4 input channels in row-major order, which a network's input has.
std::unique_ptr<const Tactic> make_conv_first(const Kernels& kernels, const ConvStorage& storage);

// First layers of stride 2 with 7 or 8 taps, from a row-major image, by phases and Winograd's
// F(5x5, 4x4).
std::unique_ptr<const Tactic> make_conv_first_winograd(const Kernels& kernels,
                                                       const ConvStorage& storage);

// A filter of its own for each channel, blocked.
std::unique_ptr<const Tactic> make_conv_depthwise(const Kernels& kernels,
                                                  const ConvStorage& storage);

// One of Winograd's forms for square filters of stride 1.
struct WinogradForm {
  WinogradKind kind;
  std::string_view name;     // the algorithm's in the tactic's
  std::int64_t least_tiles;  // of m x m outputs: with fewer, its larger weights cost too much
  ConvStorage storage = {};
  const Bf16Kernels* products = nullptr;  // in BF16: F(2x2) alone, the others lose too many bits
};
// Winograd's F(m x m, r x r), fused group by group in cache, blocked.
std::unique_ptr<const Tactic> make_conv_winograd(const WinogradForm& form, const Kernels& kernels);

// From up to 4 channels of a row-major FP32 image to BF16.
std::unique_ptr<const Tactic> make_conv_first_flat(const Bf16Kernels& bf16);

// Any 2-D convolution without groups in BF16; 1x1 siblings that read one value merged.
std::unique_ptr<const Tactic> make_conv_flat(const Bf16Kernels& bf16);

}  // namespace kissa::cpu
