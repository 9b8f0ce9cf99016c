#include "passes/affine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace kissa {
namespace {

std::optional<std::string> refuse_missing(const Rewriter& graph, const Node& node) {
  for (const ValueId id : node.params)
    if (graph.value(id).data == nullptr)
      return fmt::format("{} has no values", graph.value(id).name);
  return std::nullopt;
}

std::vector<double> numbers(const Rewriter& graph, ValueId constant) {
  const Value& value = graph.value(constant);
  return {value.data.get(), value.data.get() + value.shape.elements()};
}

// The axes of the input along which a Scale's or Bias's parameter of this shape varies.
std::vector<int> varying_axes(const Rewriter& graph, const Node& node, int axis) {
  const Shape& shape = graph.value(node.params[0]).shape;
  std::vector<int> axes;
  if (shape.rank() == 0) return axes;
  const int first = graph.value(node.inputs[0]).shape.canonical_axis(axis);
  for (int i = 0; i < shape.rank(); ++i)
    if (shape[i] != 1) axes.push_back(first + i);
  return axes;
}

Affine affine_of(const Rewriter& graph, const Node& node, const BatchNorm& op) {
  const std::vector<double> mean = numbers(graph, node.params[0]);
  const std::vector<double> variance = numbers(graph, node.params[1]);
  const double divisor = numbers(graph, node.params[2])[0];
  const double factor = divisor == 0.0 ? 0.0 : 1.0 / divisor;
  Affine affine;
  affine.axis = graph.value(node.inputs[0]).shape.rank() > 1 ? 1 : kNone;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double scale = 1.0 / std::sqrt(variance[c] * factor + static_cast<double>(op.eps));
    affine.scale.push_back(scale);
    affine.shift.push_back(-mean[c] * factor * scale);
  }
  return affine;
}

int axis_of(const Rewriter& graph, const Node& node, int axis) {
  const std::vector<int> axes = varying_axes(graph, node, axis);
  return axes.empty() ? kNone : axes[0];
}

Affine affine_of(const Rewriter& graph, const Node& node, const Scale& op) {
  Affine affine{axis_of(graph, node, op.axis), numbers(graph, node.params[0]), {}};
  affine.shift =
      op.has_bias ? numbers(graph, node.params[1]) : std::vector<double>(affine.scale.size(), 0.0);
  return affine;
}

Affine affine_of(const Rewriter& graph, const Node& node, const Bias& op) {
  Affine affine{axis_of(graph, node, op.axis), {}, numbers(graph, node.params[0])};
  affine.scale.assign(affine.shift.size(), 1.0);
  return affine;
}

Affine affine_of(const Rewriter&, const Node&, const Power& op) {
  return {kNone, {static_cast<double>(op.scale)}, {static_cast<double>(op.shift)}};
}

std::optional<std::string> refuse_kind(const Rewriter&, const Node&, const BatchNorm& op) {
  if (!op.use_global_stats) return "it takes its statistics from the batch";
  return std::nullopt;
}

template <class T>
std::optional<std::string> refuse_kind(
    const Rewriter& graph, const Node& node,
    const T& op) requires std::same_as<T, Scale> || std::same_as<T, Bias> {
  if (node.inputs.size() != 1) return "its numbers are computed";
  if (varying_axes(graph, node, op.axis).size() > 1)
    return "its numbers vary along more than one axis";
  return std::nullopt;
}

// Caffe makes a constant of it, whatever the input; 0 x would not.
std::optional<std::string> refuse_kind(const Rewriter&, const Node&, const Power& op) {
  if (op.power != 1.0f) return "it is no affine map";
  if (op.scale == 0.0f) return "its scale is 0";
  return std::nullopt;
}

template <class T>
concept AffineKind = std::same_as<T, BatchNorm> || std::same_as<T, Scale> ||
    std::same_as<T, Bias> || std::same_as<T, Power>;

}  // namespace

bool is_affine_kind(const Op& op) {
  if (const auto* power = std::get_if<Power>(&op)) return power->power == 1.0f;
  return std::visit([]<class T>(const T&) { return AffineKind<T>; }, op);
}

std::optional<std::string> refuse_affine(const Rewriter& graph, const Node& node) {
  const auto of_kind = [&]<class T>(const T& op) -> std::optional<std::string> {
    if constexpr (AffineKind<T>)
      return refuse_kind(graph, node, op);
    else
      return "it is no affine map";
  };
  if (auto reason = std::visit(of_kind, node.op)) return reason;
  if (!node.epilogue.empty()) return "something is fused into it already";
  return refuse_missing(graph, node);
}

Affine affine_of(const Rewriter& graph, const Node& node) {
  return std::visit(
      [&]<class T>(const T& op) -> Affine {
        if constexpr (AffineKind<T>) return affine_of(graph, node, op);
        KISSA_CHECK(AffineKind<T>);
        return {};
      },
      node.op);
}

bool can_compose(const Affine& first, const Affine& second) {
  return first.axis == kNone || second.axis == kNone || first.axis == second.axis;
}

Affine compose(const Affine& first, const Affine& second) {
  KISSA_CHECK(can_compose(first, second));
  Affine both;
  both.axis = std::max(first.axis, second.axis);
  const std::size_t places = std::max(first.scale.size(), second.scale.size());
  for (std::size_t i = 0; i < places; ++i) {
    const std::size_t a = first.axis == kNone ? 0 : i;
    const std::size_t b = second.axis == kNone ? 0 : i;
    both.scale.push_back(second.scale[b] * first.scale[a]);
    both.shift.push_back(second.scale[b] * first.shift[a] + second.shift[b]);
  }
  return both;
}

std::optional<std::string> Linear::refuse(const Rewriter& graph, const Node& node) {
  if (!std::holds_alternative<Convolution>(node.op) &&
      !std::holds_alternative<InnerProduct>(node.op))
    return fmt::format("'{}' is {}, neither convolution nor inner_product", node.name,
                       name_of(node.op));
  return refuse_missing(graph, node);
}

Linear::Linear(const Rewriter& graph, const Node& node) {
  const Value& weight = graph.value(node.params[0]);
  const auto* inner_product = std::get_if<InnerProduct>(&node.op);
  transposed_ = inner_product != nullptr && inner_product->transpose;
  rows_ = weight.shape[transposed_ ? 1 : 0];
  columns_ = weight.shape.elements() / rows_;
  weight_.assign(weight.data.get(), weight.data.get() + weight.shape.elements());
  bias_ = node.params.size() > 1 ? numbers(graph, node.params[1])
                                 : std::vector<double>(static_cast<std::size_t>(rows_), 0.0);
}

bool Linear::is_finite() const {
  return std::all_of(weight_.begin(), weight_.end(), [](float x) { return std::isfinite(x); }) &&
         std::all_of(bias_.begin(), bias_.end(),
                     [](double x) { return std::isfinite(static_cast<float>(x)); });
}

Node Linear::store(Rewriter& graph, Node node) && {
  const Value old = graph.value(node.params[0]);
  node.params[0] = graph.add_constant(old.name, old.shape, std::move(weight_));
  const bool has_bias = node.params.size() > 1;
  if (!has_bias && std::all_of(bias_.begin(), bias_.end(), [](double x) { return x == 0.0; }))
    return node;
  const std::string name =
      has_bias ? graph.value(node.params[1]).name : fmt::format("{}.bias", node.name);
  std::vector<float> bias;
  for (const double x : bias_) bias.push_back(static_cast<float>(x));
  node.params.resize(1);
  node.params.push_back(graph.add_constant(name, {rows_}, std::move(bias)));
  if (auto* convolution = std::get_if<Convolution>(&node.op)) convolution->has_bias = true;
  if (auto* inner_product = std::get_if<InnerProduct>(&node.op)) inner_product->has_bias = true;
  return node;
}

}  // namespace kissa
