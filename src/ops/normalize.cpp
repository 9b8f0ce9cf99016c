#include "ops/normalize.h"

#include <algorithm>
#include <cmath>

namespace kissa {
namespace {

// Norms an item: one a place, or one.
std::int64_t norms_of(const Normalize& op, const Shape& shape) {
  return op.across_spatial ? 1 : shape.product(2, shape.rank());
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
  return {elements, 2 * elements + 2 * in[0][0] * norms_of(*this, in[0])};
}

void Normalize::reference(ConstTensors x, Tensors y) const {
  const Shape& shape = x[0].shape;
  const std::int64_t places = shape.product(2, shape.rank()), item = shape[1] * places;
  const std::int64_t norms = norms_of(*this, shape);
  // By what each place is multiplied; in the order of memory, plane after plane.
  std::vector<double> factors(static_cast<std::size_t>(norms));
  const auto factor_at = [&](std::int64_t i) -> double& {
    return factors[static_cast<std::size_t>(across_spatial ? 0 : i % places)];
  };
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    const float* in = x[0].data + n * item;
    float* out = y[0].data + n * item;
    std::fill(factors.begin(), factors.end(), static_cast<double>(eps));
    for (std::int64_t i = 0; i < item; ++i)
      factor_at(i) += static_cast<double>(in[i]) * static_cast<double>(in[i]);
    for (double& factor : factors) factor = 1.0 / std::sqrt(factor);
    for (std::int64_t i = 0; i < item; ++i) {
      const double scale = x[1].data[channel_shared ? 0 : i / places];
      out[i] = static_cast<float>(in[i] * factor_at(i) * scale);
    }
  }
}

std::string Normalize::describe() const {
  return fmt::format("{}, eps {}{}", across_spatial ? "whole items" : "across channels", eps,
                     channel_shared ? "" : ", a scale a channel");
}

}  // namespace kissa
