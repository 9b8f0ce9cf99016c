// Computes nodes that read constants only, by the plain references. Exact.
#pragma once

#include "passes/pass.h"

namespace kissa {

void fold_constants(Rewriter& graph, PassNotes& notes);

}  // namespace kissa
