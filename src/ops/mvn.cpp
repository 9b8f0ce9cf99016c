#include "ops/mvn.h"

#include <algorithm>
#include <cmath>

namespace kissa {
namespace {

std::int64_t planes_of(const Mvn& op, const Shape& shape) {
  return shape.product(0, std::min(op.across_channels ? 1 : 2, shape.rank()));
}

}  // namespace

Shapes Mvn::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  return in;
}

Arithmetic Mvn::arithmetic(const Shapes& in, const Shapes&) const {
  const std::int64_t elements = in[0].elements();
  const std::int64_t planes = planes_of(*this, in[0]);
  if (!normalize_variance) return {0, 2 * elements + planes};
  return {elements, 3 * elements + 4 * planes};
}

void Mvn::reference(ConstTensors x, Tensors y) const {
  const std::int64_t planes = planes_of(*this, x[0].shape);
  if (planes == 0) return;
  const std::int64_t count = x[0].shape.elements() / planes;
  for (std::int64_t n = 0; n < planes; ++n) {
    const float* plane = x[0].data + n * count;
    double sum = 0.0;
    for (std::int64_t i = 0; i < count; ++i) sum += plane[i];
    const double mean = sum / static_cast<double>(count);
    double squares = 0.0;
    for (std::int64_t i = 0; i < count; ++i) squares += (plane[i] - mean) * (plane[i] - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(count));
    const double divisor = normalize_variance ? deviation + static_cast<double>(eps) : 1.0;
    for (std::int64_t i = 0; i < count; ++i)
      y[0].data[n * count + i] = static_cast<float>((plane[i] - mean) / divisor);
  }
}

std::string Mvn::describe() const {
  return fmt::format("{}{}", normalize_variance ? fmt::format("eps {}", eps) : "mean only",
                     across_channels ? ", across channels" : "");
}

}  // namespace kissa
