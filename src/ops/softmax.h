// Caffe's Softmax: y = exp(x - m) / sum of exp(x - m) along `axis`, m the maximum along it.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Arithmetic: comparison, subtraction, exp, addition and division an element; the first element
// along the axis is neither compared nor added.
struct Softmax {
  static constexpr std::string_view kName = "softmax";
  int axis = 1;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Softmax&, const Softmax&) = default;
};
static_assert(OpKind<Softmax>);

}  // namespace kissa
