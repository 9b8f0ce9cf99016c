// Folds BatchNorm, Scale, Bias and Power 1 behind a convolution or inner product into its weights:
// s (W x + b) + t = (s W) x + (s b + t). A chain that has none in front becomes one Scale, and so
// does a lone BatchNorm. Changes rounding: the new numbers are computed in double precision and
// rounded once.
#pragma once

#include "passes/pass.h"

namespace kissa {

void fold_affine_after(Rewriter& graph, PassNotes& notes);

}  // namespace kissa
