// The tactics of the CUDA backend, by name.
#pragma once

#include "backends/tactic.h"

namespace kissa::cuda {

// cuda.plain.f32: any one op, by plain kernels. A convolution is im2col and a product, its bias and
// activation are kernels of their own.
const Tactic& plain_tactic();

}  // namespace kissa::cuda
