// Moves the sum of two tensors into the convolution that makes one of them: its epilogue adds the
// other (the residual) before it stores. Exact.
#pragma once

#include "passes/pass.h"

namespace kissa {

void fuse_residual(Rewriter& graph, PassNotes& notes);

}  // namespace kissa
