#include "passes/drop_no_ops.h"

#include <fmt/format.h>

namespace kissa {
namespace {

// Given that the op has one input and one output, both of this shape.
bool keeps_values(const Op& op, const Shape& shape) {
  if (is_view(op) || std::holds_alternative<Concat>(op) || std::holds_alternative<Slice>(op) ||
      std::holds_alternative<Tile>(op))
    return true;
  if (const auto* power = std::get_if<Power>(&op)) return *power == Power();
  const auto* pooling = std::get_if<Pooling>(&op);
  constexpr std::array<std::int64_t, 2> kOne = {1, 1};
  constexpr std::array<std::int64_t, 2> kZero = {0, 0};
  return pooling != nullptr && pooling->method != PoolMethod::kStochastic &&
         pooling->kernel_on(shape) == kOne && pooling->pad == kZero;
}

bool is_no_op(const Rewriter& graph, const Node& node) {
  if (node.inputs.size() != 1 || node.outputs.size() != 1 || !node.epilogue.empty()) return false;
  const Shape& shape = graph.value(node.inputs[0]).shape;
  return shape == graph.value(node.outputs[0]).shape && keeps_values(node.op, shape);
}

}  // namespace

void drop_no_ops(Rewriter& graph, PassNotes& notes) {
  for (NodeId n = 0; n < graph.size(); ++n) {
    if (!graph.is_live(n) || !is_no_op(graph, graph.node(n))) continue;
    const Node& node = graph.node(n);
    if (const auto reason = graph.refuse_redirect(node.outputs[0], node.inputs[0])) {
      notes.refusals.push_back(fmt::format("'{}': {}", node.name, *reason));
      continue;
    }
    notes.rewrites.push_back(fmt::format("'{}' ({}) dropped", node.name, name_of(node.op)));
    graph.redirect(node.outputs[0], node.inputs[0]);
    graph.remove(n);
  }
}

}  // namespace kissa
