#include "ops/inner_product.h"

namespace kissa {

std::vector<ParamSpec> InnerProduct::params(const Shapes& in) const {
  const std::int64_t k = in.at(0).product(in[0].canonical_axis(axis), in[0].rank());
  std::vector<ParamSpec> params = {
      {"weight", transpose ? Shape{k, num_output} : Shape{num_output, k}}};
  if (has_bias) params.push_back({"bias", {num_output}});
  return params;
}

Shapes InnerProduct::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  if (num_output <= 0) fail(ErrorCode::kInvalidModel, "num_output {} must be positive", num_output);
  const int first = in[0].canonical_axis(axis);
  std::vector<std::int64_t> out(in[0].dims().begin(), in[0].dims().begin() + first);
  out.push_back(num_output);
  return {Shape(std::move(out))};
}

Arithmetic InnerProduct::arithmetic(const Shapes& in, const Shapes& out) const {
  const std::int64_t k = in[0].product(in[0].canonical_axis(axis), in[0].rank());
  return {count_of(out[0].elements(), k), has_bias ? out[0].elements() : 0};
}

void InnerProduct::reference(ConstTensors x, Tensors y) const {
  const int first = x[0].shape.canonical_axis(axis);
  const std::int64_t rows = x[0].shape.product(0, first);
  const std::int64_t k = x[0].shape.product(first, x[0].shape.rank());
  for (std::int64_t m = 0; m < rows; ++m) {
    for (std::int64_t n = 0; n < num_output; ++n) {
      double sum = has_bias ? x[2].data[n] : 0.0;
      for (std::int64_t i = 0; i < k; ++i) {
        const float weight = x[1].data[transpose ? i * num_output + n : n * k + i];
        sum += static_cast<double>(x[0].data[m * k + i]) * weight;
      }
      y[0].data[m * num_output + n] = static_cast<float>(sum);
    }
  }
}

std::string InnerProduct::describe() const {
  std::string text = fmt::format("{} outputs", num_output);
  if (axis != 1) text += fmt::format(", axis {}", axis);
  if (transpose) text += ", transposed weight";
  if (!has_bias) text += ", no bias";
  return text;
}

}  // namespace kissa
