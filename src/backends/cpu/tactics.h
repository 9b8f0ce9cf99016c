// The tactics of the CPU backend, by name.
#pragma once

#include "backends/tactic.h"

namespace kissa::cpu {

// cpu.reference: any one op, by its plain reference. The oracle of all others, and the last resort.
const Tactic& reference();

// As BVLC Caffe's CPU path: im2col + GEMM, bias as its own pass. 2-D, any group, dilation.
const Tactic& conv_im2col();

// As BVLC Caffe's CPU path: one GEMM, or a matrix-vector product for one row; bias as its own pass.
const Tactic& inner_product_gemm();

}  // namespace kissa::cpu
