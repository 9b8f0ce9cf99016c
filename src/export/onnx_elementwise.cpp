#include <cmath>

#include "export/onnx_ops.h"

namespace kissa::onnx {
namespace {

// The natural logarithm of a base that Caffe gives as -1 for e.
float log_of_base(float base) { return base == -1.0f ? 1.0f : std::log(base); }

// A small tensor's shape where it lies over the axes of `x` from `axis` on, with axes of 1 behind.
Shape laid_over(const Shape& x, const Shape& small, int axis) {
  std::vector<std::int64_t> dims = small.dims();
  if (small.rank() > 0) dims.resize(static_cast<std::size_t>(x.rank() - x.canonical_axis(axis)), 1);
  return Shape(dims);
}

// The learned tensor, or the second input, of a Scale or Bias.
std::string operand(NodeWriter& w, int axis) {
  const Shape& x = w.input_shape();
  if (w.inputs() == 1) return w.param(0, laid_over(x, w.param_shape(0), axis));
  const Shape shape = laid_over(x, w.input_shape(1), axis);
  return shape == w.input_shape(1) ? w.input(1) : w.reshaped(w.input(1), shape);
}

}  // namespace

void write(NodeWriter& w, const AbsVal&) { w.result(w.add("Abs", {w.input()})); }

void write(NodeWriter& w, const Bias& op) {
  w.result(w.add("Add", {w.input(), operand(w, op.axis)}));
}

void write(NodeWriter& w, const Bnll&) { w.result(w.add("Softplus", {w.input()})); }

void write(NodeWriter& w, const Clip& op) {
  w.result(w.add("Clip", {w.input(), w.constant(op.min), w.constant(op.max)}));
}

void write(NodeWriter& w, const Eltwise& op) {
  const bool is_sum = op.method == EltwiseMethod::kSum;
  Names terms;
  for (int i = 0; i < w.inputs(); ++i) {
    const bool has_coeff = is_sum && !op.coeffs.empty();
    terms.push_back(
        w.affine(w.input(i), has_coeff ? op.coeffs[static_cast<std::size_t>(i)] : 1.0f, 0.0f));
  }
  if (op.method == EltwiseMethod::kMax) return w.result(w.add("Max", terms));
  if (is_sum && terms.size() > 2) return w.result(w.add("Sum", terms));
  std::string y = terms[0];
  for (std::size_t i = 1; i < terms.size(); ++i) y = w.add(is_sum ? "Add" : "Mul", {y, terms[i]});
  w.result(y);
}

void write(NodeWriter& w, const Elu& op) {
  w.result(w.add("Elu", {w.input()}, {{"alpha", op.alpha}}));
}

void write(NodeWriter& w, const Exp& op) {
  const float factor = log_of_base(op.base);
  w.result(w.add("Exp", {w.affine(w.input(), op.scale * factor, op.shift * factor)}));
}

void write(NodeWriter& w, const Log& op) {
  const std::string y = w.add("Log", {w.affine(w.input(), op.scale, op.shift)});
  w.result(w.affine(y, 1.0f / log_of_base(op.base), 0.0f));
}

void write(NodeWriter& w, const Power& op) {
  const std::string y = w.affine(w.input(), op.scale, op.shift);
  w.result(op.power == 1.0f ? y : w.add("Pow", {y, w.constant(op.power)}));
}

void write(NodeWriter& w, const PRelu& op) {
  Shape slope;
  if (!op.channel_shared) slope = laid_over(w.input_shape(), w.param_shape(0), 1);
  w.result(w.add("PRelu", {w.input(), w.param(0, slope)}));
}

void write(NodeWriter& w, const Relu& op) {
  w.result(op.negative_slope == 0.0f
               ? w.add("Relu", {w.input()})
               : w.add("LeakyRelu", {w.input()}, {{"alpha", op.negative_slope}}));
}

void write(NodeWriter& w, const Scale& op) {
  std::string y = w.add("Mul", {w.input(), operand(w, op.axis)});
  if (op.has_bias) {
    const int bias = w.params() - 1;
    y = w.add("Add", {y, w.param(bias, laid_over(w.input_shape(), w.param_shape(bias), op.axis))});
  }
  w.result(y);
}

void write(NodeWriter& w, const Sigmoid&) { w.result(w.add("Sigmoid", {w.input()})); }

void write(NodeWriter& w, const Swish& op) {
  const std::string gate = w.add("Sigmoid", {w.affine(w.input(), op.beta, 0.0f)});
  w.result(w.add("Mul", {w.input(), gate}));
}

void write(NodeWriter& w, const TanH&) { w.result(w.add("Tanh", {w.input()})); }

void write(NodeWriter& w, const Threshold& op) {
  const std::string above = w.add("Greater", {w.input(), w.constant(op.threshold)});
  w.result(w.add("Cast", {above}, {{"to", kFloat}}));
}

}  // namespace kissa::onnx
