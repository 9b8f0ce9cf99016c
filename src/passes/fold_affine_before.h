// Folds BatchNorm, Scale, Bias and Power 1 in front of a convolution or inner product into its
// weights: W (s x + t) + b = (W s) x + (W t + b). So a network that subtracts its mean by layers of
// its own reads the image as it is. Only where it is exact but for rounding: padding puts zeros
// behind the affine map, so a padded convolution takes a scale, but no shift. Changes rounding: the
// new numbers are computed in double precision and rounded once.
#pragma once

#include "passes/pass.h"

namespace kissa {

void fold_affine_before(Rewriter& graph, PassNotes& notes);

}  // namespace kissa
