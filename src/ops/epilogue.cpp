#include "ops/epilogue.h"

#include <algorithm>

namespace kissa {

std::string Epilogue::describe() const {
  std::string text = has_residual ? "+ residual" : "";
  const auto add = [&](std::string part) { text += (text.empty() ? "" : ", ") + std::move(part); };
  if (activation == Activation::kRelu)
    add(low == 0.0f ? "relu" : fmt::format("relu (negative_slope {})", low));
  if (activation == Activation::kClip) add(fmt::format("clip to [{}, {}]", low, high));
  return text;
}

void apply(const Epilogue& epilogue, const float* residual, float* y, std::int64_t count) {
  if (epilogue.has_residual)
    for (std::int64_t i = 0; i < count; ++i) y[i] += residual[i];
  if (epilogue.activation == Activation::kRelu)
    for (std::int64_t i = 0; i < count; ++i)
      y[i] = std::max(y[i], 0.0f) + epilogue.low * std::min(y[i], 0.0f);
  if (epilogue.activation == Activation::kClip)
    for (std::int64_t i = 0; i < count; ++i)
      y[i] = std::min(std::max(y[i], epilogue.low), epilogue.high);
}

}  // namespace kissa
