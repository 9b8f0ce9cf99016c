// Drops nodes that hand on what they read: identity (Split, Dropout), flatten and reshape to the
// same shape, concat of one, slice into one, tile of one, power 1 of 1 x + 0, pooling of one
// element. Exact, for finite values.
#pragma once

#include "passes/pass.h"

namespace kissa {

void drop_no_ops(Rewriter& graph, PassNotes& notes);

}  // namespace kissa
