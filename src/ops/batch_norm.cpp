#include "ops/batch_norm.h"

#include <cmath>

namespace kissa {
namespace {

struct BatchExtents {
  std::int64_t images;
  std::int64_t channels;
  std::int64_t plane;
};

BatchExtents extents_of(const Shape& shape) {
  if (shape.rank() == 1) return {shape[0], 1, 1};
  return {shape[0], shape[1], shape.product(2, shape.rank())};
}

struct Statistics {
  double mean;
  double variance;
};

// Of one channel; `x` points to its first element.
Statistics statistics(const float* x, const BatchExtents& extents) {
  const auto sum_of = [&](auto&& f) {
    double sum = 0.0;
    for (std::int64_t n = 0; n < extents.images; ++n)
      for (std::int64_t i = 0; i < extents.plane; ++i)
        sum += f(x[n * extents.channels * extents.plane + i]);
    return sum;
  };
  const auto count = static_cast<double>(extents.images * extents.plane);
  const double mean = sum_of([](float value) { return static_cast<double>(value); }) / count;
  const double squares = sum_of([&](float value) { return (value - mean) * (value - mean); });
  return {mean, squares / count};
}

}  // namespace

std::vector<ParamSpec> BatchNorm::params(const Shapes& in) const {
  const std::int64_t channels = extents_of(in.at(0)).channels;
  return {{"mean", {channels}}, {"variance", {channels}}, {"scale_factor", {1}}};
}

Shapes BatchNorm::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  if (in[0].rank() == 0) fail(ErrorCode::kInvalidModel, "takes an input of at least one axis");
  return in;
}

Arithmetic BatchNorm::arithmetic(const Shapes& in, const Shapes&) const {
  const std::int64_t elements = in[0].elements();
  const std::int64_t channels = extents_of(in[0]).channels;
  const Arithmetic normalise = {0, 2 * elements + 4 * channels};
  if (use_global_stats) return normalise;
  return {elements, normalise.other + 2 * elements};
}

void BatchNorm::reference(ConstTensors x, Tensors y) const {
  const BatchExtents extents = extents_of(x[0].shape);
  const double factor = x[3].data[0] == 0.0f ? 0.0 : 1.0 / x[3].data[0];
  for (std::int64_t c = 0; c < extents.channels; ++c) {
    const auto [mean, variance] = use_global_stats
                                      ? Statistics{x[1].data[c] * factor, x[2].data[c] * factor}
                                      : statistics(x[0].data + c * extents.plane, extents);
    const double deviation = std::sqrt(variance + static_cast<double>(eps));
    for (std::int64_t n = 0; n < extents.images; ++n) {
      const std::int64_t first = (n * extents.channels + c) * extents.plane;
      for (std::int64_t i = first; i < first + extents.plane; ++i)
        y[0].data[i] = static_cast<float>((x[0].data[i] - mean) / deviation);
    }
  }
}

std::string BatchNorm::describe() const {
  return fmt::format("eps {}{}", eps, use_global_stats ? "" : ", statistics of the batch");
}

}  // namespace kissa
