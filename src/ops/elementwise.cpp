#include "ops/elementwise.h"

#include <algorithm>
#include <cmath>

namespace kissa {
namespace {

constexpr float kNatural = -1.0f;  // the base that stands for e

float log_of_base(float base) { return base == kNatural ? 1.0f : std::log(base); }

std::string describe_base(float base) { return base == kNatural ? "e" : fmt::format("{}", base); }

}  // namespace

float AbsVal::apply(float x) const { return std::abs(x); }

float Bnll::apply(float x) const { return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))); }

float Clip::apply(float x) const { return std::max(min, std::min(x, max)); }

std::string Clip::describe() const { return fmt::format("{} to {}", min, max); }

float Elu::apply(float x) const {
  return std::max(x, 0.0f) + alpha * std::expm1(std::min(x, 0.0f));
}

std::string Elu::describe() const { return fmt::format("alpha {}", alpha); }

void Exp::check() const {
  if (base != kNatural && !(base > 0.0f))
    fail(ErrorCode::kInvalidModel, "base {} must be positive, or -1 for e", base);
}

float Exp::apply(float x) const { return std::exp(log_of_base(base) * (shift + scale * x)); }

std::string Exp::describe() const {
  return fmt::format("{} ^ ({} + {} x)", describe_base(base), shift, scale);
}

void Log::check() const {
  if (base != kNatural && (!(base > 0.0f) || base == 1.0f))
    fail(ErrorCode::kInvalidModel, "base {} must be positive and not 1, or -1 for e", base);
}

float Log::apply(float x) const { return std::log(shift + scale * x) / log_of_base(base); }

std::string Log::describe() const {
  return fmt::format("base {} of ({} + {} x)", describe_base(base), shift, scale);
}

float Power::apply(float x) const {
  // As in Caffe, a scale of 0 makes a constant even of an infinite x.
  const float base = scale == 0.0f ? shift : shift + scale * x;
  return power == 1.0f ? base : std::pow(base, power);
}

std::string Power::describe() const { return fmt::format("({} + {} x) ^ {}", shift, scale, power); }

float Relu::apply(float x) const { return std::max(x, 0.0f) + negative_slope * std::min(x, 0.0f); }

std::string Relu::describe() const {
  return negative_slope == 0.0f ? "" : fmt::format("negative_slope {}", negative_slope);
}

float Sigmoid::apply(float x) const { return 0.5f * std::tanh(0.5f * x) + 0.5f; }

float Swish::apply(float x) const { return x * Sigmoid().apply(beta * x); }

std::string Swish::describe() const { return beta == 1.0f ? "" : fmt::format("beta {}", beta); }

float TanH::apply(float x) const { return std::tanh(x); }

float Threshold::apply(float x) const { return x > threshold ? 1.0f : 0.0f; }

std::string Threshold::describe() const { return fmt::format("above {}", threshold); }

}  // namespace kissa
