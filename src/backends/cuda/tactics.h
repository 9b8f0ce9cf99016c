// The tactics of the CUDA backend, by name.
#pragma once

#include <memory>
#include <vector>

#include "backends/cuda/kernels/number.h"
#include "backends/tactic.h"

namespace kissa::cuda {

// cuda.plain.f32: any one op, by plain kernels. A convolution is im2col and a product, its bias and
// activation are kernels of their own.
const Tactic& plain_tactic();

// The tactics of fused mode, best first; plain_tactic() is the last.
TacticList fused_tactics(Number number);

// Convolutions and max pools of one image size, independent of each other, in one launch: with the
// tile that is guessed to be best, then with each tile.
void add_stage_tactics(Number number, std::vector<std::unique_ptr<const Tactic>>& tactics);

// Convolutions of any stride and 3 x 3 max pools, independent of each other, on Hopper's wgmma: for
// large batches.
void add_wide_tactics(Number number, std::vector<std::unique_ptr<const Tactic>>& tactics);

// First convolution; the same with pool, LRN and the 1 x 1 convolution behind it.
void add_first_tactics(Number number, std::vector<std::unique_ptr<const Tactic>>& tactics);

// Pooling and LRN, classifier, reorders.
void add_nhwc_tactics(Number number, std::vector<std::unique_ptr<const Tactic>>& tactics);

}  // namespace kissa::cuda
