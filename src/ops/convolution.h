// Caffe's Convolution: cross-correlation over the axes behind `axis`, in `group` independent
// groups.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Input N..., C, D1..Dk (k spatial axes behind the channel axis) -> N..., num_output, P1..Pk with
// P = (D + 2 pad - (dilation (kernel - 1) + 1)) / stride + 1, rounded down.
// Parameters: weight num_output x C/group x kernel..., and bias num_output where has_bias.
// kernel, stride, pad and dilation hold one extent a spatial axis.
// Arithmetic: taps on padding are counted like the others.
struct Convolution {
  static constexpr std::string_view kName = "convolution";
  std::int64_t num_output = 0;
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> stride;
  std::vector<std::int64_t> pad;
  std::vector<std::int64_t> dilation;
  std::int64_t group = 1;
  bool has_bias = true;
  int axis = 1;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Convolution&, const Convolution&) = default;
};
static_assert(OpKind<Convolution> && HasParams<Convolution>);

}  // namespace kissa
