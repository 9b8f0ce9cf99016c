// Caffe's ArgMax: the places, or values, of the top_k largest elements, largest first; of equal
// elements the later one comes first, NaN comes last.
#pragma once

#include <optional>
#include <string>

#include "ops/op_kind.h"

namespace kissa {

// With an axis: along it, for every place of the other axes; its extent becomes top_k, and the
// output holds values where out_max_val, else indices along the axis.
// Without: over each item of axis 0 as one row. The output is N x 1 x top_k (x 1 ..., up to the
// input's rank) of indices in the row; where out_max_val, N x 2 x top_k: indices, then values.
// Arithmetic: a comparison an element and result (a lower bound of any method).
struct ArgMax {
  static constexpr std::string_view kName = "argmax";
  std::optional<int> axis;
  std::int64_t top_k = 1;
  bool out_max_val = false;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const ArgMax&, const ArgMax&) = default;
};
static_assert(OpKind<ArgMax>);

}  // namespace kissa
