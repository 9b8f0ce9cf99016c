// Caffe's Scale and Bias: multiply by, or add, a small tensor repeated over the outer and inner
// axes.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// One input: parameter scale, of the shape of `num_axes` input axes from `axis` on (-1: all that
// follow; 0: one number). Two inputs: the second is the scale, laid over the first's axes from
// `axis` on; num_axes is unread. Where has_bias, parameter bias, of the scale's shape, is added.
struct Scale {
  static constexpr std::string_view kName = "scale";
  int axis = 1;
  int num_axes = 1;
  bool has_bias = false;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  static constexpr bool is_elementwise() { return true; }
  friend bool operator==(const Scale&, const Scale&) = default;
};

// The same with an addition: parameter bias, or the second input.
struct Bias {
  static constexpr std::string_view kName = "bias";
  int axis = 1;
  int num_axes = 1;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  static constexpr bool is_elementwise() { return true; }
  friend bool operator==(const Bias&, const Bias&) = default;
};

static_assert(OpKind<Scale> && HasParams<Scale> && OpKind<Bias> && HasParams<Bias>);

}  // namespace kissa
