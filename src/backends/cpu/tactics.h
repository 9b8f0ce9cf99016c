// The tactics of the CPU backend, by name.
#pragma once

#include <memory>

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

// The same, with products in BF16 where a convolution has them; empty where `isa` has no such
// kernels.
TacticList fused_bf16_tactics(Isa isa);

// 1x1 of stride 1 as one product of matrices, blocked; siblings that read one value merged.
std::unique_ptr<const Tactic> make_conv_gemm(const Kernels& kernels);

// Any 2-D convolution as it is defined, blocked; groups of few channels are computed together.
std::unique_ptr<const Tactic> make_conv_direct(const Kernels& kernels);

// The same for up to 4 input channels in row-major order, which a network's input has.
std::unique_ptr<const Tactic> make_conv_first(const Kernels& kernels);

// First layers of stride 2 with 7 or 8 taps, from a row-major image, by phases and Winograd's
// F(5x5, 4x4).
std::unique_ptr<const Tactic> make_conv_first_winograd(const Kernels& kernels);

// A filter of its own for each channel, blocked.
std::unique_ptr<const Tactic> make_conv_depthwise(const Kernels& kernels);

// Square filters of stride 1 by Winograd's F(m x m, r x r), fused group by group in cache, blocked.
// `name`: the algorithm's in the tactic's. Refused below `least_tiles` tiles of m x m outputs,
// where its larger weights would cost more than it saves.
std::unique_ptr<const Tactic> make_conv_winograd(WinogradKind kind, std::string_view name,
                                                 std::int64_t least_tiles, const Kernels& kernels);

// Of what is stored as FP32: products in BF16, sums in FP32.
std::unique_ptr<const Tactic> make_conv_gemm_bf16(const Kernels& kernels, const Bf16Kernels& bf16);
std::unique_ptr<const Tactic> make_conv_winograd_bf16(const Kernels& kernels,
                                                      const Bf16Kernels& bf16);

}  // namespace kissa::cpu
