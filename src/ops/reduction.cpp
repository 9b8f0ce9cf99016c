#include "ops/reduction.h"

#include <cmath>

namespace kissa {
namespace {

double term(ReductionMethod method, double x) {
  switch (method) {
    case ReductionMethod::kSumAbs: return std::abs(x);
    case ReductionMethod::kSumSquares: return x * x;
    case ReductionMethod::kSum:
    case ReductionMethod::kMean: break;
  }
  return x;
}

std::string_view name_of(ReductionMethod method) {
  switch (method) {
    case ReductionMethod::kSum: return "sum";
    case ReductionMethod::kSumAbs: return "sum of absolutes";
    case ReductionMethod::kSumSquares: return "sum of squares";
    case ReductionMethod::kMean: return "mean";
  }
  return "";
}

}  // namespace

Shapes Reduction::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  const int first = in[0].canonical_axis(axis);
  return {Shape(std::vector(in[0].dims().begin(), in[0].dims().begin() + first))};
}

Arithmetic Reduction::arithmetic(const Shapes& in, const Shapes& out) const {
  const std::int64_t elements = in[0].elements();
  const std::int64_t results = out[0].elements();
  switch (method) {
    case ReductionMethod::kSumAbs: return {0, 2 * elements + results};
    case ReductionMethod::kSumSquares: return {elements, results};
    case ReductionMethod::kSum:
    case ReductionMethod::kMean: break;
  }
  return {0, elements + results};
}

void Reduction::reference(ConstTensors x, Tensors y) const {
  const int first = x[0].shape.canonical_axis(axis);
  const std::int64_t count = x[0].shape.product(first, x[0].shape.rank());
  double factor = coefficient;
  if (method == ReductionMethod::kMean) factor /= static_cast<double>(count);
  for (std::int64_t o = 0; o < y[0].shape.elements(); ++o) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < count; ++i) sum += term(method, x[0].data[o * count + i]);
    y[0].data[o] = static_cast<float>(factor * sum);
  }
}

std::string Reduction::describe() const {
  std::string text = fmt::format("{} from axis {} on", name_of(method), axis);
  return coefficient == 1.0f ? text : text + fmt::format(", times {}", coefficient);
}

}  // namespace kissa
