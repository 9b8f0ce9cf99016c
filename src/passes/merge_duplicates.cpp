#include "passes/merge_duplicates.h"

#include <fmt/format.h>

#include <algorithm>

namespace kissa {
namespace {

// Layers that share a parameter have a constant each, of the same data.
bool same_constant(const Rewriter& graph, ValueId a, ValueId b) {
  const Value& left = graph.value(a);
  const Value& right = graph.value(b);
  return a == b || (left.data != nullptr && left.data == right.data && left.shape == right.shape);
}

bool same_result(const Rewriter& graph, const Node& a, const Node& b) {
  return a.op == b.op && a.inputs == b.inputs && a.epilogue == b.epilogue &&
         std::equal(a.params.begin(), a.params.end(), b.params.begin(), b.params.end(),
                    [&](ValueId left, ValueId right) { return same_constant(graph, left, right); });
}

// The first node before `n` that computes the same, or kNone.
NodeId find_twin(const Rewriter& graph, NodeId n) {
  const Node& node = graph.node(n);
  if (node.inputs.empty()) return kNone;
  NodeId twin = kNone;
  for (const NodeId other : graph.readers(node.inputs[0]))
    if (other < n && (twin == kNone || other < twin) && same_result(graph, graph.node(other), node))
      twin = other;
  return twin;
}

std::optional<std::string> refuse(const Rewriter& graph, const Node& node, const Node& twin) {
  for (std::size_t i = 0; i < node.outputs.size(); ++i)
    if (auto reason = graph.refuse_redirect(node.outputs[i], twin.outputs[i])) return reason;
  return std::nullopt;
}

}  // namespace

void merge_duplicates(Rewriter& graph, PassNotes& notes) {
  for (NodeId n = 0; n < graph.size(); ++n) {
    if (!graph.is_live(n)) continue;
    const NodeId t = find_twin(graph, n);
    if (t == kNone) continue;
    const Node& node = graph.node(n);
    const Node& twin = graph.node(t);
    if (const auto reason = refuse(graph, node, twin)) {
      notes.refusals.push_back(
          fmt::format("'{}' computes the same as '{}': {}", node.name, twin.name, *reason));
      continue;
    }
    notes.rewrites.push_back(
        fmt::format("'{}' computes the same as '{}': dropped", node.name, twin.name));
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      graph.redirect(node.outputs[i], twin.outputs[i]);
    graph.remove(n);
  }
}

}  // namespace kissa
