// What a producer does to a result before it stores it.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

enum class Activation {
  kNone,
  kRelu,  // max(x, 0) + low * min(x, 0): low is the negative slope
  kClip,  // min(max(x, low), high)
};

// y = activation(result + residual); the residual, of the output's shape, is the node's last input.
struct Epilogue {
  Activation activation = Activation::kNone;
  float low = 0.0f;
  float high = 0.0f;
  bool has_residual = false;

  bool empty() const { return activation == Activation::kNone && !has_residual; }
  std::string describe() const;  // "+ residual, relu"; empty where there is nothing
  friend bool operator==(const Epilogue&, const Epilogue&) = default;
};

// Applies it to `count` values in place; `residual` is unread unless has_residual. The oracle.
void apply(const Epilogue& epilogue, const float* residual, float* y, std::int64_t count);

}  // namespace kissa
