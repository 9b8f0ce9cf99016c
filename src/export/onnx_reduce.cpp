#include <algorithm>
#include <cmath>
#include <numeric>

#include "export/onnx_ops.h"

namespace kissa::onnx {
namespace {

// The numbers [begin, end).
Integers range(int begin, int end) {
  Integers numbers(static_cast<std::size_t>(std::max(end - begin, 0)));
  std::iota(numbers.begin(), numbers.end(), begin);
  return numbers;
}

std::string squared(NodeWriter& w, const std::string& x) { return w.add("Mul", {x, x}); }

// (x - mean) / (sqrt(variance + inside) + outside) over `axes`, or x - mean alone.
std::string normalized(NodeWriter& w, const Integers& axes, bool divide, float inside,
                       float outside) {
  const Shape& shape = w.input_shape();
  const std::string mean = w.reduced("ReduceMean", w.input(), shape, axes, true);
  const std::string centred = w.add("Sub", {w.input(), mean});
  if (!divide) return centred;
  const std::string variance = w.reduced("ReduceMean", squared(w, centred), shape, axes, true);
  const std::string deviation = w.add("Sqrt", {w.affine(variance, 1.0f, inside)});
  return w.add("Div", {centred, w.affine(deviation, 1.0f, outside)});
}

// ---- LRN

void write_within(NodeWriter& w, const Lrn& op) {
  const std::int64_t half = op.size / 2;
  const std::string mean = w.add("AveragePool", {squared(w, w.input())},
                                 {{"kernel_shape", Integers{op.size, op.size}},
                                  {"pads", Integers(4, half)},
                                  {"count_include_pad", 1}});
  const std::string power = w.add("Pow", {w.affine(mean, op.alpha, 1.0f), w.constant(op.beta)});
  w.result(w.add("Div", {w.input(), power}));
}

// x / s^beta, where a convolution of the squares with a band of alpha / size makes s.
void write_across_in_parts(NodeWriter& w, const Lrn& op) {
  const std::int64_t channels = w.input_shape()[1];
  std::vector<float> band;
  for (std::int64_t row = 0; row < channels; ++row)
    for (std::int64_t column = 0; column < channels; ++column)
      band.push_back(std::abs(row - column) <= op.size / 2 ? op.alpha / static_cast<float>(op.size)
                                                           : 0.0f);
  const std::string s =
      w.add("Conv",
            {squared(w, w.input()), w.constant({channels, channels, 1, 1}, std::move(band)),
             w.constant({channels}, std::vector<float>(static_cast<std::size_t>(channels), op.k))});
  if (op.beta != 0.75f)
    return w.result(w.add("Div", {w.input(), w.add("Pow", {s, w.constant(op.beta)})}));
  const std::string root = w.add("Sqrt", {s});
  const std::string power = w.add("Mul", {root, w.add("Sqrt", {root})});
  w.result(w.add("Div", {w.input(), power}));
}

// ---- ArgMax

struct Largest {
  std::string values;
  std::string places;  // as numbers
};

// Of equal ones Caffe takes the last, ONNX's TopK the first: it sees them in reverse.
Largest largest(NodeWriter& w, const std::string& x, const Shape& shape, int axis,
                std::int64_t count) {
  const std::string reversed =
      w.add("Slice", {x, w.constant(Integers{-1}), w.constant(Integers{INT64_MIN}),
                      w.constant(Integers{axis}), w.constant(Integers{-1})});
  const Names top = w.add("TopK", {reversed, w.constant(Integers{count})}, 2, {{"axis", axis}});
  const std::string last = w.constant(static_cast<float>(shape[axis] - 1));
  return {top[0], w.add("Sub", {last, w.add("Cast", {top[1]}, {{"to", kFloat}})})};
}

}  // namespace

void write(NodeWriter& w, const ArgMax& op) {
  const Shape& in = w.input_shape();
  if (op.axis) {
    const auto [values, places] = largest(w, w.input(), in, in.canonical_axis(*op.axis), op.top_k);
    return w.result(op.out_max_val ? values : places);
  }
  const Shape rows = {in[0], in.product(1, in.rank())};
  const auto [values, places] = largest(w, w.reshaped(w.input(), rows), rows, 1, op.top_k);
  const std::string y = op.out_max_val ? w.add("Concat", {places, values}, {{"axis", 1}}) : places;
  w.result(w.reshaped(y, w.output_shape()));
}

void write(NodeWriter& w, const BatchNorm& op) {
  const Shape& shape = w.input_shape();
  if (!op.use_global_stats) {
    Integers axes = range(0, shape.rank());
    if (shape.rank() > 1) axes.erase(axes.begin() + 1);
    return w.result(normalized(w, axes, true, op.eps, 0.0f));
  }
  const float scale = w.param_data(2)[0];
  const float factor = scale == 0.0f ? 0.0f : 1.0f / scale;
  const auto scaled = [&](int param) {
    std::vector<float> numbers(w.param_data(param).begin(), w.param_data(param).end());
    for (float& number : numbers) number *= factor;
    return numbers;
  };
  const std::vector<float> mean = scaled(0), variance = scaled(1);
  if (shape.rank() == 1) {
    const float deviation = std::sqrt(variance[0] + op.eps);
    return w.result(w.affine(w.input(), 1.0f / deviation, -mean[0] / deviation));
  }
  const Shape channels = w.param_shape(0);
  const auto size = mean.size();
  w.result(w.add("BatchNormalization",
                 {w.input(), w.constant(channels, std::vector<float>(size, 1.0f)),
                  w.constant(channels, std::vector<float>(size, 0.0f)), w.constant(channels, mean),
                  w.constant(channels, variance)},
                 {{"epsilon", op.eps}}));
}

void write(NodeWriter& w, const Lrn& op) {
  if (op.region == LrnRegion::kWithinChannel) return write_within(w, op);
  // Runtimes refuse an LRN whose alpha or beta is not positive.
  if (w.expands_lrn() || op.alpha <= 0.0f || op.beta <= 0.0f) return write_across_in_parts(w, op);
  w.result(w.add("LRN", {w.input()},
                 {{"size", op.size}, {"alpha", op.alpha}, {"beta", op.beta}, {"bias", op.k}}));
}

void write(NodeWriter& w, const Mvn& op) {
  const Integers axes = range(op.across_channels ? 1 : 2, w.input_shape().rank());
  w.result(normalized(w, axes, op.normalize_variance, 0.0f, op.eps));
}

void write(NodeWriter& w, const Reduction& op) {
  const Shape& in = w.input_shape();
  const Integers axes = range(in.rank() == 0 ? 0 : in.canonical_axis(op.axis), in.rank());
  const auto name = [&]() -> std::string_view {
    switch (op.method) {
      case ReductionMethod::kSum: return "ReduceSum";
      case ReductionMethod::kSumAbs: return "ReduceL1";
      case ReductionMethod::kSumSquares: return "ReduceSumSquare";
      case ReductionMethod::kMean: break;
    }
    return "ReduceMean";
  };
  w.result(w.affine(w.reduced(name(), w.input(), in, axes, false), op.coefficient, 0.0f));
}

void write(NodeWriter& w, const Softmax& op) {
  w.result(w.add("Softmax", {w.input()}, {{"axis", w.input_shape().canonical_axis(op.axis)}}));
}

}  // namespace kissa::onnx
