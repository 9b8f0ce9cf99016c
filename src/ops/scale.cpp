#include "ops/scale.h"

namespace kissa {
namespace {

// The axes [begin, end) of the first input that the small tensor is laid over.
struct Axes {
  int begin;
  int end;
};

// Of a learned tensor.
Axes learned_axes(const Shape& in, int axis, int num_axes) {
  const int begin = in.canonical_axis(axis);
  if (num_axes < -1 || num_axes > in.rank() - begin)
    fail(ErrorCode::kInvalidModel, "num_axes {} from axis {} on is out of range for shape {}",
         num_axes, begin, in.to_string());
  return {begin, num_axes == -1 ? in.rank() : begin + num_axes};
}

// Of the second input.
Axes given_axes(const Shape& in, const Shape& small, int axis) {
  const int begin = small.rank() == 0 ? 0 : in.canonical_axis(axis);
  const int end = begin + small.rank();
  bool fits = end <= in.rank();
  for (int i = begin; fits && i < end; ++i) fits = in[i] == small[i - begin];
  if (!fits)
    fail(ErrorCode::kInvalidModel, "shape {} does not fit over {} from axis {} on",
         small.to_string(), in.to_string(), begin);
  return {begin, end};
}

Axes axes_of(const Shapes& in, int axis, int num_axes) {
  return in.size() == 2 ? given_axes(in[0], in[1], axis) : learned_axes(in[0], axis, num_axes);
}

Shape small_shape(const Shapes& in, int axis, int num_axes) {
  const auto [begin, end] = axes_of(in, axis, num_axes);
  return Shape(std::vector(in[0].dims().begin() + begin, in[0].dims().begin() + end));
}

Shapes infer_same(const Shapes& in, int axis, int num_axes) {
  if (in.size() != 2) expect_inputs(in, 1);
  axes_of(in, axis, num_axes);
  return {in[0]};
}

// y = f(x, j), j the element of the small tensor that lies over x.
template <class F>
void repeat(ConstTensor x, Tensor y, Axes axes, F&& f) {
  const std::int64_t outer = x.shape.product(0, axes.begin);
  const std::int64_t small = x.shape.product(axes.begin, axes.end);
  const std::int64_t inner = x.shape.product(axes.end, x.shape.rank());
  std::int64_t i = 0;
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t j = 0; j < small; ++j)
      for (std::int64_t k = 0; k < inner; ++k, ++i) y.data[i] = f(x.data[i], j);
}

std::string describe_axes(int axis, int num_axes) {
  return axis == 1 && num_axes == 1 ? "" : fmt::format("axis {}, {} axes", axis, num_axes);
}

}  // namespace

std::vector<ParamSpec> Scale::params(const Shapes& in) const {
  const Shape shape = small_shape(in, axis, num_axes);
  std::vector<ParamSpec> params;
  if (in.size() == 1) params.push_back({"scale", shape});
  if (has_bias) params.push_back({"bias", shape});
  return params;
}

Shapes Scale::infer(const Shapes& in) const { return infer_same(in, axis, num_axes); }

Arithmetic Scale::arithmetic(const Shapes& in, const Shapes&) const {
  const std::int64_t elements = in[0].elements();
  return has_bias ? Arithmetic{elements, 0} : Arithmetic{0, elements};
}

void Scale::reference(ConstTensors x, Tensors y) const {
  const float* scale = x[1].data;
  const float* bias = has_bias ? x[2].data : nullptr;
  repeat(x[0], y[0], given_axes(x[0].shape, x[1].shape, axis), [&](float value, std::int64_t j) {
    return bias == nullptr ? value * scale[j] : value * scale[j] + bias[j];
  });
}

std::string Scale::describe() const {
  const std::string axes = describe_axes(axis, num_axes);
  if (!has_bias) return axes;
  return axes.empty() ? "with bias" : axes + ", with bias";
}

std::vector<ParamSpec> Bias::params(const Shapes& in) const {
  if (in.size() == 2) return {};
  return {{"bias", small_shape(in, axis, num_axes)}};
}

Shapes Bias::infer(const Shapes& in) const { return infer_same(in, axis, num_axes); }

Arithmetic Bias::arithmetic(const Shapes& in, const Shapes&) const { return {0, in[0].elements()}; }

void Bias::reference(ConstTensors x, Tensors y) const {
  const float* bias = x[1].data;
  repeat(x[0], y[0], given_axes(x[0].shape, x[1].shape, axis),
         [&](float value, std::int64_t j) { return value + bias[j]; });
}

std::string Bias::describe() const { return describe_axes(axis, num_axes); }

}  // namespace kissa
