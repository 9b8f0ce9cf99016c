// Caffe's Crop: cuts the first input to the second's extents, from `axis` on.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// `offsets`: where the cut starts, one number for each axis from `axis` on, one for all of them, or
// none (0). Of the second input only the shape counts.
struct Crop {
  static constexpr std::string_view kName = "crop";
  int axis = 2;
  std::vector<std::int64_t> offsets;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Crop&, const Crop&) = default;
};
static_assert(OpKind<Crop>);

}  // namespace kissa
