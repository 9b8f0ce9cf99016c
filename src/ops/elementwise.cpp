#include "ops/elementwise.h"

#include <algorithm>
#include <cmath>

namespace kissa {

float Relu::apply(float x) const { return std::max(x, 0.0f) + negative_slope * std::min(x, 0.0f); }

std::string Relu::describe() const {
  return negative_slope == 0.0f ? "" : fmt::format("negative_slope {}", negative_slope);
}

float Sigmoid::apply(float x) const { return 0.5f * std::tanh(0.5f * x) + 0.5f; }

float TanH::apply(float x) const { return std::tanh(x); }

float Power::apply(float x) const {
  const float base = shift + scale * x;
  return power == 1.0f ? base : std::pow(base, power);
}

std::string Power::describe() const { return fmt::format("({} + {} x) ^ {}", shift, scale, power); }

}  // namespace kissa
