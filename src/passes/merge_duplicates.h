// Lets one node stand for several that compute the same: equal ops, parameters and epilogues on the
// same values. Exact.
#pragma once

#include "passes/pass.h"

namespace kissa {

void merge_duplicates(Rewriter& graph, PassNotes& notes);

}  // namespace kissa
