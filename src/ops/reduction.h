// Caffe's Reduction: one number out of all axes from `axis` on.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

enum class ReductionMethod { kSum, kSumAbs, kSumSquares, kMean };

// y = coefficient * (sum of x, of |x|, of x^2, or mean of x); the output has the axes before
// `axis`. Arithmetic: an addition an element (a multiply-add for squares; |x| is another
// operation), and a multiplication a result, which the mean's division is part of.
struct Reduction {
  static constexpr std::string_view kName = "reduction";
  ReductionMethod method = ReductionMethod::kSum;
  int axis = 0;
  float coefficient = 1.0f;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Reduction&, const Reduction&) = default;
};
static_assert(OpKind<Reduction>);

}  // namespace kissa
