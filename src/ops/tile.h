// Caffe's Tile: the input `tiles` times, one behind the other along `axis`.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

struct Tile {
  static constexpr std::string_view kName = "tile";
  int axis = 1;
  std::int64_t tiles = 1;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Tile&, const Tile&) = default;
};
static_assert(OpKind<Tile>);

}  // namespace kissa
