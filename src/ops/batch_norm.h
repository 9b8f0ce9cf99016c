// Caffe's BatchNorm: y = (x - mean) / sqrt(variance + eps), a mean and variance a channel (axis 1;
// a tensor of one axis is one channel).
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Parameters: mean C, variance C, scale_factor 1. With use_global_stats, mean and variance are
// parameter / scale_factor (0 where scale_factor is 0). Without, they are those of the input over
// all axes but 1 (the variance divides by the count), and the parameters are unread.
// Arithmetic: a subtraction and a division an element; a division by the scale factor for mean and
// variance, an addition and a square root a channel. Batch statistics instead of the parameters
// add an addition, a subtraction and a multiply-add an element.
struct BatchNorm {
  static constexpr std::string_view kName = "batch_norm";
  float eps = 1e-5f;
  bool use_global_stats = true;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  bool is_elementwise() const { return use_global_stats; }
  friend bool operator==(const BatchNorm&, const BatchNorm&) = default;
};
static_assert(OpKind<BatchNorm> && HasParams<BatchNorm>);

}  // namespace kissa
