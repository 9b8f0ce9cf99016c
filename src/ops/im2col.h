// Caffe's Im2col: writes out, for every place of a convolution's window, the elements under it.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Input N..., C, D1..Dk (k spatial axes behind the channel axis) -> N..., C * kernel..., P1..Pk
// with P as for Convolution; elements outside the image are 0.
struct Im2col {
  static constexpr std::string_view kName = "im2col";
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> stride;
  std::vector<std::int64_t> pad;
  std::vector<std::int64_t> dilation;
  int axis = 1;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Im2col&, const Im2col&) = default;
};
static_assert(OpKind<Im2col>);

}  // namespace kissa
