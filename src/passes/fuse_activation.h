// Moves a ReLU (leaky or not) or a clip into the epilogue of the convolution, inner product,
// elementwise sum, product or maximum that makes its input. Exact, for values that are numbers.
#pragma once

#include "passes/pass.h"

namespace kissa {

void fuse_activation(Rewriter& graph, PassNotes& notes);

}  // namespace kissa
