#include "ir/counts.h"

#include <algorithm>

namespace kissa {
namespace {

template <class... T>
bool is_any(const Op& op) {
  return (std::holds_alternative<T>(op) || ...);
}

// Whether the op works along an axis that is not the first.
template <class... T>
bool is_along_inner_axis(const Op& op, const Shape& in) {
  const auto try_one = [&]<class One>(const One* kind) {
    return kind != nullptr && in.canonical_axis(kind->axis) > 0;
  };
  return (try_one(std::get_if<T>(&op)) || ...);
}

// The input whose items the outputs' items are made of, one by one; nothing for other ops.
std::optional<std::size_t> source_of_items(const Op& op, const Shapes& in, const Shapes& out) {
  if (in.empty() || in[0].rank() == 0) return std::nullopt;
  if (is_any<RoiPooling, PsRoiPooling>(op)) return 1;
  const bool has_as_many = std::all_of(out.begin(), out.end(), [&](const Shape& shape) {
    return shape.rank() > 0 && shape[0] == in[0][0];
  });
  const bool is_by_item = is_elementwise(op) || is_view(op) ||
                          is_any<Convolution, Deconvolution, Interp, Lrn, Mvn, Normalize, Pooling,
                                 ShuffleChannel, Upsample>(op) ||
                          is_along_inner_axis<Concat, InnerProduct, Slice, Softmax>(op, in[0]);
  return has_as_many && is_by_item ? std::optional<std::size_t>(0) : std::nullopt;
}

}  // namespace

std::vector<std::optional<Count>> counts_of(const Graph& graph) {
  std::vector<std::optional<Count>> counts(graph.values().size());
  const auto at = [&](ValueId id) -> std::optional<Count>& {
    return counts[static_cast<std::size_t>(id)];
  };
  for (const Node& node : graph.nodes()) {
    if (const auto axis = counted_axis(node.op)) {
      for (std::size_t i = 0; i + 1 < node.outputs.size(); ++i)
        at(node.outputs[i]) = Count{node.outputs.back(), *axis};
      continue;
    }
    const auto source =
        source_of_items(node.op, graph.op_inputs(node), graph.shapes_of(node.outputs));
    if (!source) continue;
    const std::optional<Count> count = at(node.inputs[*source]);
    if (count && count->axis == 0)
      for (const ValueId id : node.outputs) at(id) = count;
  }
  return counts;
}

bool is_count(const Graph& graph, ValueId id) {
  const NodeId producer = graph.value(id).producer;
  return producer != kNone && counted_axis(graph.node(producer).op) &&
         graph.node(producer).outputs.back() == id;
}

}  // namespace kissa
