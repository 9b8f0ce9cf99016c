#include "ops/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kissa {

Shapes Softmax::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  in[0].canonical_axis(axis);
  return in;
}

Arithmetic Softmax::arithmetic(const Shapes& in, const Shapes&) const {
  const int along = in[0].canonical_axis(axis);
  const std::int64_t rows = in[0].elements() == 0 ? 0 : in[0].elements() / in[0][along];
  return {0, 5 * in[0].elements() - 2 * rows};
}

void Softmax::reference(ConstTensors x, Tensors y) const {
  const Shape& shape = x[0].shape;
  const int along = shape.canonical_axis(axis);
  const std::int64_t extent = shape[along];
  const std::int64_t inner = shape.product(along + 1, shape.rank());
  for (std::int64_t o = 0; o < shape.product(0, along); ++o) {
    for (std::int64_t i = 0; i < inner; ++i) {
      const float* row = x[0].data + o * extent * inner + i;
      float* out = y[0].data + o * extent * inner + i;
      float largest = -std::numeric_limits<float>::infinity();
      for (std::int64_t k = 0; k < extent; ++k) largest = std::max(largest, row[k * inner]);
      double sum = 0.0;
      for (std::int64_t k = 0; k < extent; ++k) {
        out[k * inner] = std::exp(row[k * inner] - largest);
        sum += out[k * inner];
      }
      for (std::int64_t k = 0; k < extent; ++k)
        out[k * inner] = static_cast<float>(out[k * inner] / sum);
    }
  }
}

std::string Softmax::describe() const { return axis == 1 ? "" : fmt::format("axis {}", axis); }

}  // namespace kissa
