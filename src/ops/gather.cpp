#include "ops/gather.h"

#include <algorithm>
#include <limits>

namespace kissa {
namespace {

// Copies, for each index, its row of a table of `rows` rows of `width` elements.
void gather(const float* table, std::int64_t rows, std::int64_t width, ConstTensor indices,
            float* out) {
  for (std::int64_t i = 0; i < indices.shape.elements(); ++i) {
    const double index = indices.data[i];
    if (index > -1.0 && index < static_cast<double>(rows))
      std::copy_n(table + static_cast<std::int64_t>(index) * width, width, out + i * width);
    else
      std::fill_n(out + i * width, width, std::numeric_limits<float>::quiet_NaN());
  }
}

}  // namespace

std::vector<ParamSpec> Embed::params(const Shapes&) const {
  std::vector<ParamSpec> params = {{"weight", {input_dim, num_output}}};
  if (has_bias) params.push_back({"bias", {num_output}});
  return params;
}

Shapes Embed::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  if (num_output <= 0 || input_dim <= 0)
    fail(ErrorCode::kInvalidModel, "num_output {} and input_dim {} must be positive", num_output,
         input_dim);
  std::vector<std::int64_t> out = in[0].dims();
  out.push_back(num_output);
  return {Shape(std::move(out))};
}

Arithmetic Embed::arithmetic(const Shapes&, const Shapes& out) const {
  return {0, has_bias ? out[0].elements() : 0};
}

void Embed::reference(ConstTensors x, Tensors y) const {
  gather(x[1].data, input_dim, num_output, x[0], y[0].data);
  if (!has_bias) return;
  for (std::int64_t i = 0; i < y[0].shape.elements(); ++i)
    y[0].data[i] += x[2].data[i % num_output];
}

std::string Embed::describe() const {
  return fmt::format("{} outputs of {} rows{}", num_output, input_dim, has_bias ? "" : ", no bias");
}

Shapes BatchReindex::infer(const Shapes& in) const {
  expect_inputs(in, 2);
  if (in[0].rank() == 0 || in[1].rank() != 1)
    fail(ErrorCode::kInvalidModel,
         "takes indices of 1 axis for a tensor of at least one, not {} for {}", in[1].to_string(),
         in[0].to_string());
  return {in[0].with(0, in[1][0])};
}

void BatchReindex::reference(ConstTensors x, Tensors y) const {
  const Shape& table = x[0].shape;
  gather(x[0].data, table[0], table.product(1, table.rank()), x[1], y[0].data);
}

}  // namespace kissa
