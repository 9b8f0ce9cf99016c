#include "ops/tile.h"

#include <algorithm>

namespace kissa {

Shapes Tile::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  const int along = in[0].canonical_axis(axis);
  if (tiles <= 0) fail(ErrorCode::kInvalidModel, "tiles {} must be positive", tiles);
  return {in[0].with(along, count_of(in[0][along], tiles))};
}

void Tile::reference(ConstTensors x, Tensors y) const {
  const Shape& shape = x[0].shape;
  const int along = shape.canonical_axis(axis);
  const std::int64_t count = shape.product(along, shape.rank());
  if (count == 0) return;
  float* out = y[0].data;
  for (std::int64_t o = 0; o < shape.product(0, along); ++o)
    for (std::int64_t t = 0; t < tiles; ++t) out = std::copy_n(x[0].data + o * count, count, out);
}

std::string Tile::describe() const { return fmt::format("{} times along axis {}", tiles, axis); }

}  // namespace kissa
