#include "passes/fuse_residual.h"

#include <fmt/format.h>

#include <algorithm>

namespace kissa {
namespace {

std::optional<std::string> refuse_sum(const Rewriter& graph, const Node& node) {
  const auto& coeffs = std::get<Eltwise>(node.op).coeffs;
  if (std::any_of(coeffs.begin(), coeffs.end(), [](float c) { return c != 1.0f; }))
    return "it weighs its terms";
  if (node.inputs.size() != 2) return fmt::format("it sums {} terms", node.inputs.size());
  if (!node.epilogue.empty()) return "something is fused into it already";
  if (node.inputs[0] == node.inputs[1])
    return fmt::format("it sums '{}' with itself", graph.value(node.inputs[0]).name);
  for (const ValueId id : node.inputs)
    if (graph.value(id).is_constant) return fmt::format("'{}' is constant", graph.value(id).name);
  return std::nullopt;
}

// Why the sum cannot go where its i-th term is made.
std::optional<std::string> refuse_term(const Rewriter& graph, NodeId sum, std::size_t i) {
  const Value& term = graph.value(graph.node(sum).inputs[i]);
  if (term.producer == kNone) return fmt::format("no layer makes '{}'", term.name);
  const Node& producer = graph.node(term.producer);
  if (!std::holds_alternative<Convolution>(producer.op))
    return fmt::format("'{}' is {}, not convolution", producer.name, name_of(producer.op));
  if (!producer.epilogue.empty()) return fmt::format("'{}' has an epilogue already", producer.name);
  return graph.why_needed(graph.node(sum).inputs[i], sum);
}

// Why neither term can take the sum, or what was fused into what. Of two terms that can, the one
// that is made later takes it, since the other is there by then.
void fuse(Rewriter& graph, NodeId sum, PassNotes& notes) {
  const Node node = graph.node(sum);
  const auto left = refuse_term(graph, sum, 0);
  const auto right = refuse_term(graph, sum, 1);
  if (left && right) {
    notes.refusals.push_back(fmt::format("'{}': {}; {}", node.name, *left, *right));
    return;
  }
  const auto producer = [&](std::size_t i) { return graph.value(node.inputs[i]).producer; };
  const std::size_t taker = left || (!right && producer(1) > producer(0)) ? 1 : 0;
  Node fused = graph.node(producer(taker));
  fused.inputs.push_back(node.inputs[1 - taker]);
  fused.epilogue.has_residual = true;
  notes.rewrites.push_back(fmt::format("'{}' into '{}'", node.name, fused.name));
  graph.fuse({producer(taker), sum}, std::move(fused));
}

}  // namespace

void fuse_residual(Rewriter& graph, PassNotes& notes) {
  for (NodeId n = 0; n < graph.size(); ++n) {
    const auto* eltwise = graph.get_if<Eltwise>(n);
    if (eltwise == nullptr || eltwise->method != EltwiseMethod::kSum) continue;
    if (const auto reason = refuse_sum(graph, graph.node(n)))
      notes.refusals.push_back(fmt::format("'{}': {}", graph.node(n).name, *reason));
    else
      fuse(graph, n, notes);
  }
}

}  // namespace kissa
