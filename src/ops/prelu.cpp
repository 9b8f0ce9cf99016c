#include "ops/prelu.h"

#include <algorithm>

namespace kissa {

std::vector<ParamSpec> PRelu::params(const Shapes& in) const {
  return {{"slope", channel_shared ? Shape{} : Shape{in.at(0)[1]}}};
}

Shapes PRelu::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  if (in[0].rank() < 2)
    fail(ErrorCode::kInvalidModel, "takes an input of at least 2 axes, not {}", in[0].to_string());
  return in;
}

Arithmetic PRelu::arithmetic(const Shapes& in, const Shapes&) const {
  return {0, 2 * in[0].elements()};
}

void PRelu::reference(ConstTensors x, Tensors y) const {
  const Shape& shape = x[0].shape;
  const std::int64_t plane = shape.product(2, shape.rank());
  std::int64_t i = 0;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t c = 0; c < shape[1]; ++c) {
      const float slope = x[1].data[channel_shared ? 0 : c];
      for (std::int64_t k = 0; k < plane; ++k, ++i) {
        const float value = x[0].data[i];
        y[0].data[i] = std::max(value, 0.0f) + slope * std::min(value, 0.0f);
      }
    }
  }
}

std::string PRelu::describe() const { return channel_shared ? "one slope" : ""; }

}  // namespace kissa
