// Caffe's PReLU: max(x, 0) + slope * min(x, 0) with a learned slope a channel (axis 1).
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Parameter slope: C, or one number of no axes where channel_shared. Arithmetic: a comparison and a
// multiplication an element.
struct PRelu {
  static constexpr std::string_view kName = "prelu";
  bool channel_shared = false;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  static constexpr bool is_elementwise() { return true; }
  friend bool operator==(const PRelu&, const PRelu&) = default;
};
static_assert(OpKind<PRelu> && HasParams<PRelu>);

}  // namespace kissa
