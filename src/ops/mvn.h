// Caffe's MVN: subtracts each plane's mean, and divides by its deviation.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// A plane is all that lies behind axis 1, or behind axis 0 where across_channels.
// y = x - mean, or (x - mean) / (deviation + eps) where normalize_variance, with deviation =
// sqrt(mean of (x - mean)^2).
// Arithmetic: an addition and a subtraction an element and a division a plane; the variance adds a
// multiply-add and a division an element, and a division, a root and an addition a plane.
struct Mvn {
  static constexpr std::string_view kName = "mvn";
  bool normalize_variance = true;
  bool across_channels = false;
  float eps = 1e-9f;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Mvn&, const Mvn&) = default;
};
static_assert(OpKind<Mvn>);

}  // namespace kissa
