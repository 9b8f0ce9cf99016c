// Caffe's Eltwise: two or more tensors of one shape, combined element by element.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

enum class EltwiseMethod { kProduct, kSum, kMax };

// `coeffs` weigh the terms of a sum, one an input; none: all 1. A product takes none, a maximum
// leaves them unread.
struct Eltwise {
  static constexpr std::string_view kName = "eltwise";
  EltwiseMethod method = EltwiseMethod::kSum;
  std::vector<float> coeffs;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  static constexpr bool is_elementwise() { return true; }
  friend bool operator==(const Eltwise&, const Eltwise&) = default;
};
static_assert(OpKind<Eltwise>);

}  // namespace kissa
