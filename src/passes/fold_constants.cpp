#include "passes/fold_constants.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/evaluate.h"

namespace kissa {
namespace {

// More would hold up the build: the references run at about a GFLOP/s.
constexpr std::int64_t kMaxFlops = 100'000'000;

bool reads_constants_only(const Rewriter& graph, const Node& node) {
  return !node.inputs.empty() && (reads_shapes_only(node.op) ||
                                  std::all_of(node.inputs.begin(), node.inputs.end(), [&](auto id) {
                                    return graph.value(id).is_constant;
                                  }));
}

Shapes shapes_of(const Rewriter& graph, const std::vector<ValueId>& ids) {
  Shapes shapes;
  for (const ValueId id : ids) shapes.push_back(graph.value(id).shape);
  return shapes;
}

std::vector<ConstTensor> tensors_of(const Rewriter& graph, const Node& node) {
  std::vector<ConstTensor> tensors;
  for (const auto* ids : {&node.inputs, &node.params})
    for (const ValueId id : *ids)
      tensors.push_back({graph.value(id).data.get(), graph.value(id).shape});
  return tensors;
}

std::optional<std::string> refuse(const Rewriter& graph, const Node& node) {
  for (const ValueId output : node.outputs)
    if (graph.is_output(output)) return fmt::format("'{}' is an output", graph.value(output).name);
  for (const auto* ids : {&node.inputs, &node.params})
    for (const ValueId id : *ids)
      if (graph.value(id).data == nullptr && !reads_shapes_only(node.op))
        return fmt::format("{} has no values", graph.value(id).name);
  Shapes in = shapes_of(graph, node.inputs);
  if (node.epilogue.has_residual) in.pop_back();
  const std::int64_t flops =
      work_of(node.op, in, shapes_of(graph, node.outputs)).arithmetic.flops();
  if (flops > kMaxFlops) return fmt::format("{} operations are too many at build time", flops);
  return std::nullopt;
}

void fold(Rewriter& graph, NodeId n) {
  const Node& node = graph.node(n);
  auto data = evaluate(node, tensors_of(graph, node), shapes_of(graph, node.outputs));
  for (std::size_t i = 0; i < data.size(); ++i) {
    const Value& output = graph.value(node.outputs[i]);
    const ValueId constant = graph.add_constant(output.name, output.shape, std::move(data[i]));
    graph.redirect(node.outputs[i], constant);
  }
  graph.remove(n);
}

}  // namespace

void fold_constants(Rewriter& graph, PassNotes& notes) {
  for (NodeId n = 0; n < graph.size(); ++n) {
    if (!graph.is_live(n) || !reads_constants_only(graph, graph.node(n))) continue;
    const Node& node = graph.node(n);
    if (const auto reason = refuse(graph, node)) {
      notes.refusals.push_back(fmt::format("'{}': {}", node.name, *reason));
      continue;
    }
    notes.rewrites.push_back(fmt::format("'{}' ({}) computed", node.name, name_of(node.op)));
    fold(graph, n);
  }
}

}  // namespace kissa
