// Joins tensors along one axis, and cuts one along an axis.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// One or more inputs that agree in all extents but that of `axis`.
struct Concat {
  static constexpr std::string_view kName = "concat";
  int axis = 1;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Concat&, const Concat&) = default;
};

// `outputs` parts, cut at `points` (one fewer than outputs, rising, inside the axis), or into equal
// parts where there are no points.
struct Slice {
  static constexpr std::string_view kName = "slice";
  int axis = 1;
  std::int64_t outputs = 1;
  std::vector<std::int64_t> points;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Slice&, const Slice&) = default;
};

static_assert(OpKind<Concat> && OpKind<Slice>);

}  // namespace kissa
