// Caffe's InnerProduct: a matrix product over all axes from `axis` on.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Input M..., K... (K: the axes from `axis` on, taken as one) -> M..., num_output.
// Parameters: weight num_output x K (K x num_output where transpose), and bias num_output where
// has_bias.
struct InnerProduct {
  static constexpr std::string_view kName = "inner_product";
  std::int64_t num_output = 0;
  int axis = 1;
  bool transpose = false;
  bool has_bias = true;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const InnerProduct&, const InnerProduct&) = default;
};
static_assert(OpKind<InnerProduct> && HasParams<InnerProduct>);

}  // namespace kissa
