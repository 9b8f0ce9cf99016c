#include "passes/fold_affine_after.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "passes/affine.h"

namespace kissa {
namespace {

// Affine nodes, each the only reader of the one before, and what they compute together.
struct Chain {
  std::vector<NodeId> nodes;
  Affine affine;
};

Chain chain_from(const Rewriter& graph, NodeId head) {
  Chain chain{{head}, affine_of(graph, graph.node(head))};
  while (true) {
    const ValueId output = graph.node(chain.nodes.back()).outputs[0];
    const auto& readers = graph.readers(output);
    if (readers.size() != 1 || graph.is_output(output)) return chain;
    const Node& next = graph.node(readers[0]);
    if (refuse_affine(graph, next)) return chain;
    const Affine affine = affine_of(graph, next);
    if (!can_compose(chain.affine, affine)) return chain;
    chain.affine = compose(chain.affine, affine);
    chain.nodes.push_back(readers[0]);
  }
}

std::string names_of(const Rewriter& graph, const std::vector<NodeId>& nodes) {
  std::vector<std::string> names;
  names.reserve(nodes.size());
  for (const NodeId id : nodes) names.push_back(fmt::format("'{}'", graph.node(id).name));
  return fmt::format("{}", fmt::join(names, ", "));
}

// The axis of the node's output that its rows of weights lie along.
int row_axis(const Rewriter& graph, const Node& node) {
  const Shape& in = graph.value(node.inputs[0]).shape;
  if (const auto* convolution = std::get_if<Convolution>(&node.op))
    return in.canonical_axis(convolution->axis);
  return in.canonical_axis(std::get<InnerProduct>(node.op).axis);
}

std::optional<std::string> refuse_producer(const Rewriter& graph, NodeId producer,
                                           const Chain& chain) {
  if (producer == kNone)
    return fmt::format("no layer makes '{}'",
                       graph.value(graph.node(chain.nodes[0]).inputs[0]).name);
  const Node& node = graph.node(producer);
  if (auto reason = Linear::refuse(graph, node)) return reason;
  if (!node.epilogue.empty()) return fmt::format("'{}' has an epilogue already", node.name);
  if (auto reason = graph.why_needed(node.outputs[0], chain.nodes.front())) return reason;
  if (chain.affine.axis != kNone && chain.affine.axis != row_axis(graph, node))
    return fmt::format("it varies along axis {}, which is not that of the outputs of '{}'",
                       chain.affine.axis, node.name);
  return std::nullopt;
}

// Returns why not, where it cannot.
std::optional<std::string> fold(Rewriter& graph, const Chain& chain) {
  const NodeId producer = graph.value(graph.node(chain.nodes[0]).inputs[0]).producer;
  if (auto reason = refuse_producer(graph, producer, chain)) return reason;
  const Node& node = graph.node(producer);
  Linear linear(graph, node);
  for (std::int64_t row = 0; row < linear.rows(); ++row) {
    const double scale = chain.affine.scale[chain.affine.place(row)];
    for (std::int64_t column = 0; column < linear.columns(); ++column) {
      float& weight = linear.weight(row, column);
      weight = static_cast<float>(weight * scale);
    }
    linear.bias(row) = linear.bias(row) * scale + chain.affine.shift[chain.affine.place(row)];
  }
  if (!linear.is_finite()) return fmt::format("the weights of '{}' would overflow", node.name);
  std::vector<NodeId> nodes = {producer};
  nodes.insert(nodes.end(), chain.nodes.begin(), chain.nodes.end());
  graph.fuse(nodes, std::move(linear).store(graph, node));
  return std::nullopt;
}

std::vector<float> rounded(const std::vector<double>& numbers) {
  std::vector<float> result;
  result.reserve(numbers.size());
  for (const double x : numbers) result.push_back(static_cast<float>(x));
  return result;
}

bool is_finite(const std::vector<float>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
}

// Makes one Scale of the chain; returns why not, where it cannot.
std::optional<std::string> join(Rewriter& graph, const Chain& chain) {
  Node node = graph.node(chain.nodes[0]);
  std::vector<float> scale = rounded(chain.affine.scale);
  std::vector<float> shift = rounded(chain.affine.shift);
  if (!is_finite(scale) || !is_finite(shift)) return "its numbers would overflow";
  const bool has_bias = std::any_of(shift.begin(), shift.end(), [](float x) { return x != 0.0f; });
  const bool per_place = chain.affine.axis != kNone;
  node.op = Scale{.axis = per_place ? chain.affine.axis : 0,
                  .num_axes = per_place ? 1 : 0,
                  .has_bias = has_bias};
  const Shape shape = per_place ? Shape{static_cast<std::int64_t>(scale.size())} : Shape();
  node.params = {graph.add_constant(node.name + ".scale", shape, std::move(scale))};
  if (has_bias)
    node.params.push_back(graph.add_constant(node.name + ".bias", shape, std::move(shift)));
  graph.fuse(chain.nodes, std::move(node));
  return std::nullopt;
}

void fold_or_join(Rewriter& graph, const Chain& chain, PassNotes& notes) {
  const std::string names = names_of(graph, chain.nodes);
  const Node first = graph.node(chain.nodes[0]);
  const auto no_fold = fold(graph, chain);
  if (!no_fold) {
    const std::string& into =
        graph.node(chain.nodes.back()).name;  // where the fused node now stands
    notes.rewrites.push_back(fmt::format("{} into '{}'", names, into));
    return;
  }
  notes.refusals.push_back(fmt::format("{}: {}", names, *no_fold));
  if (chain.nodes.size() == 1 && !std::holds_alternative<BatchNorm>(first.op)) return;
  if (const auto no_join = join(graph, chain))
    notes.refusals.push_back(fmt::format("{} into one scale: {}", names, *no_join));
  else
    notes.rewrites.push_back(fmt::format("{} into one scale", names));
}

}  // namespace

void fold_affine_after(Rewriter& graph, PassNotes& notes) {
  std::vector<bool> is_done(static_cast<std::size_t>(graph.size()), false);
  for (NodeId n = 0; n < graph.size(); ++n) {
    if (is_done[static_cast<std::size_t>(n)] || !graph.is_live(n)) continue;
    const Node& node = graph.node(n);
    if (!is_affine_kind(node.op)) continue;
    if (const auto reason = refuse_affine(graph, node)) {
      notes.refusals.push_back(fmt::format("'{}': {}", node.name, *reason));
      continue;
    }
    const Chain chain = chain_from(graph, n);
    for (const NodeId id : chain.nodes) is_done[static_cast<std::size_t>(id)] = true;
    fold_or_join(graph, chain, notes);
  }
}

}  // namespace kissa
