// SSD's Normalize: divides by the L2 norm, over the channels or over the whole image, and scales.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Input N x C x ...
//   y = scale x / sqrt(eps + sum of x^2)
// The sum is over the channels at each place, or over the whole item where across_spatial.
// Parameter: scale, 1 where channel_shared, else C.
// Arithmetic: a multiply-add, a division and a multiplication an element; an addition and a root a
// norm.
struct Normalize {
  static constexpr std::string_view kName = "normalize";
  bool across_spatial = true;
  bool channel_shared = true;
  float eps = 1e-10f;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Normalize&, const Normalize&) = default;
};
static_assert(OpKind<Normalize> && HasParams<Normalize>);

}  // namespace kissa
