#include "ops/normalize.h"

#include <cmath>

namespace kissa {
namespace {

// An item as groups of elements that share a norm: C elements `places` apart at each place, or all.
struct Groups {
  std::int64_t count;   // norms an item
  std::int64_t extent;  // elements a norm
  std::int64_t stride;  // from one of them to the next
};

Groups groups_of(const Normalize& op, const Shape& shape) {
  const std::int64_t places = shape.product(2, shape.rank());
  if (op.across_spatial) return {1, shape[1] * places, 1};
  return {places, shape[1], places};
}

}  // namespace

std::vector<ParamSpec> Normalize::params(const Shapes& in) const {
  return {{"scale", Shape({channel_shared ? 1 : in[0][1]})}};
}

Shapes Normalize::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  if (in[0].rank() < 2)
    fail(ErrorCode::kInvalidModel, "takes an input of 2 axes or more, not {}", in[0].to_string());
  return in;
}

Arithmetic Normalize::arithmetic(const Shapes& in, const Shapes&) const {
  const std::int64_t elements = in[0].elements();
  return {elements, 2 * elements + 2 * in[0][0] * groups_of(*this, in[0]).count};
}

void Normalize::reference(ConstTensors x, Tensors y) const {
  const Shape& shape = x[0].shape;
  const Groups groups = groups_of(*this, shape);
  const std::int64_t places = shape.product(2, shape.rank());
  for (std::int64_t n = 0; n < shape[0]; ++n)
    for (std::int64_t g = 0; g < groups.count; ++g) {
      const std::int64_t begin = n * shape[1] * places + g;
      double sum = eps;
      for (std::int64_t i = 0; i < groups.extent; ++i) {
        const double value = x[0].data[begin + i * groups.stride];
        sum += value * value;
      }
      const double factor = 1.0 / std::sqrt(sum);
      for (std::int64_t i = 0; i < groups.extent; ++i) {
        const std::int64_t channel = across_spatial ? i / places : i;
        const double scale = x[1].data[channel_shared ? 0 : channel];
        const std::int64_t at = begin + i * groups.stride;
        y[0].data[at] = static_cast<float>(x[0].data[at] * factor * scale);
      }
    }
}

std::string Normalize::describe() const {
  return fmt::format("{}, eps {}{}", across_spatial ? "whole items" : "across channels", eps,
                     channel_shared ? "" : ", a scale a channel");
}

}  // namespace kissa
