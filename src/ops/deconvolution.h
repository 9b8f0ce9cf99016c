// Caffe's Deconvolution: the transpose of Convolution. Each input element adds itself, times the
// kernel, to a window of the output.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Input N..., C, D1..Dk (k spatial axes behind the channel axis) -> N..., num_output, P1..Pk with
// P = stride (D - 1) + dilation (kernel - 1) + 1 - 2 pad.
// Parameters: weight C x num_output/group x kernel..., and bias num_output where has_bias.
// kernel, stride, pad and dilation hold one extent a spatial axis.
// Arithmetic: taps that pad cuts off are counted like the others.
struct Deconvolution {
  static constexpr std::string_view kName = "deconvolution";
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
  friend bool operator==(const Deconvolution&, const Deconvolution&) = default;
};
static_assert(OpKind<Deconvolution> && HasParams<Deconvolution>);

}  // namespace kissa
