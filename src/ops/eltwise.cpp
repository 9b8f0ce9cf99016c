#include "ops/eltwise.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace kissa {

Shapes Eltwise::infer(const Shapes& in) const {
  if (in.size() < 2) fail(ErrorCode::kInvalidModel, "takes at least 2 inputs, not {}", in.size());
  if (!coeffs.empty() && method == EltwiseMethod::kProduct)
    fail(ErrorCode::kInvalidModel, "a product takes no coefficients");
  if (!coeffs.empty() && coeffs.size() != in.size())
    fail(ErrorCode::kInvalidModel, "takes one coefficient an input: {} for {} inputs",
         coeffs.size(), in.size());
  for (const Shape& shape : in)
    if (shape != in[0])
      fail(ErrorCode::kInvalidModel, "inputs differ in shape: {} and {}", in[0].to_string(),
           shape.to_string());
  return {in[0]};
}

Arithmetic Eltwise::arithmetic(const Shapes& in, const Shapes& out) const {
  const std::int64_t elements = out[0].elements();
  const auto steps = elements * static_cast<std::int64_t>(in.size() - 1);
  if (method == EltwiseMethod::kSum && !coeffs.empty()) return {steps, elements};
  return {0, steps};
}

void Eltwise::reference(ConstTensors x, Tensors y) const {
  const std::int64_t count = y[0].shape.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    float result =
        coeffs.empty() || method != EltwiseMethod::kSum ? x[0].data[i] : coeffs[0] * x[0].data[i];
    for (std::size_t k = 1; k < x.size(); ++k) {
      const float term = x[k].data[i];
      switch (method) {
        case EltwiseMethod::kProduct: result *= term; break;
        case EltwiseMethod::kSum: result += coeffs.empty() ? term : coeffs[k] * term; break;
        case EltwiseMethod::kMax: result = std::max(result, term); break;
      }
    }
    y[0].data[i] = result;
  }
}

std::string Eltwise::describe() const {
  switch (method) {
    case EltwiseMethod::kProduct: return "product";
    case EltwiseMethod::kMax: return "max";
    case EltwiseMethod::kSum: break;
  }
  return coeffs.empty() ? "sum" : fmt::format("sum, coefficients {}", fmt::join(coeffs, ", "));
}

}  // namespace kissa
