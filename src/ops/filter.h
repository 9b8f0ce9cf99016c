// Caffe's Filter: keeps the items that a selector names.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Inputs: one or more tensors N x ..., and N numbers. Item n is kept where the n-th is not 0 when
// rounded towards 0. Outputs: the kept items of each tensor, of the tensor's own shape, zeros
// behind the last; and a scalar, how many there are.
struct Filter {
  static constexpr std::string_view kName = "filter";
  static constexpr int kCountedAxis = 0;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes&) const { return {0, in.back().elements()}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const { return {}; }
  friend bool operator==(const Filter&, const Filter&) = default;
};
static_assert(OpKind<Filter>);

}  // namespace kissa
