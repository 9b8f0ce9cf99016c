#include "passes/fold_affine_before.h"

#include <fmt/format.h>

#include <algorithm>

#include "passes/affine.h"

namespace kissa {
namespace {

// Which place along the affine map's axis the weight at (row, column) meets.
struct Meeting {
  std::int64_t places = 1;           // along the axis, in one row's input
  std::int64_t columns_a_place = 1;  // neighbouring columns that meet the same place
  std::int64_t rows_a_group = 0;     // of a grouped convolution
  std::int64_t places_a_group = 0;

  std::int64_t place(std::int64_t row, std::int64_t column) const {
    const std::int64_t first = rows_a_group == 0 ? 0 : row / rows_a_group * places_a_group;
    return first + column / columns_a_place % places;
  }
};

Meeting meeting_of(const Convolution& op, const Shape& in, int) {
  const std::int64_t group_in = in[in.canonical_axis(op.axis)] / op.group;
  std::int64_t taps = 1;
  for (const std::int64_t extent : op.kernel) taps *= extent;
  return {group_in, taps, op.num_output / op.group, group_in};
}

Meeting meeting_of(const InnerProduct&, const Shape& in, int axis) {
  return {in[axis], in.product(axis + 1, in.rank()), 0, 0};
}

std::optional<std::string> refuse_shape(const Convolution& op, const Shape& in,
                                        const Affine& affine) {
  if (affine.axis != kNone && affine.axis != in.canonical_axis(op.axis))
    return fmt::format("it varies along axis {}, which is not that of the channels", affine.axis);
  const bool is_padded = std::any_of(op.pad.begin(), op.pad.end(), [](auto p) { return p != 0; });
  const bool shifts = std::any_of(affine.shift.begin(), affine.shift.end(),
                                  [](double shift) { return shift != 0.0; });
  if (is_padded && shifts) return "it would have to shift the convolution's padding too";
  return std::nullopt;
}

std::optional<std::string> refuse_shape(const InnerProduct& op, const Shape& in,
                                        const Affine& affine) {
  if (affine.axis != kNone && affine.axis < in.canonical_axis(op.axis))
    return fmt::format("it varies along axis {}, over which the inner product does not sum",
                       affine.axis);
  return std::nullopt;
}

void fold_numbers(Linear& linear, const Affine& affine, const Meeting& meeting) {
  for (std::int64_t row = 0; row < linear.rows(); ++row) {
    for (std::int64_t column = 0; column < linear.columns(); ++column) {
      const std::size_t place = affine.place(meeting.place(row, column));
      float& weight = linear.weight(row, column);
      linear.bias(row) += weight * affine.shift[place];
      weight = static_cast<float>(weight * affine.scale[place]);
    }
  }
}

// Returns why not, where it cannot.
template <class T>
std::optional<std::string> fold(Rewriter& graph, NodeId n, NodeId reader, const T& op) {
  const Node& node = graph.node(n);
  const Node& target = graph.node(reader);
  if (auto reason = graph.why_needed(node.outputs[0], reader)) return reason;
  if (auto reason = refuse_affine(graph, node)) return reason;
  if (target.inputs[0] != node.outputs[0])
    return fmt::format("'{}' adds it to its result", target.name);
  if (auto reason = Linear::refuse(graph, target)) return reason;
  const Affine affine = affine_of(graph, node);
  const Shape& in = graph.value(node.inputs[0]).shape;
  if (auto reason = refuse_shape(op, in, affine)) return reason;

  Linear linear(graph, target);
  const Meeting meeting = affine.axis == kNone ? Meeting() : meeting_of(op, in, affine.axis);
  fold_numbers(linear, affine, meeting);
  if (!linear.is_finite()) return fmt::format("the weights of '{}' would overflow", target.name);
  Node fused = std::move(linear).store(graph, target);
  fused.inputs[0] = node.inputs[0];
  graph.fuse({n, reader}, std::move(fused));
  return std::nullopt;
}

template <class T>
void fold_into(Rewriter& graph, NodeId n, NodeId reader, PassNotes& notes) {
  const std::string name = graph.node(n).name;
  const std::string into = graph.node(reader).name;
  const T op = std::get<T>(graph.node(reader).op);
  if (const auto reason = fold(graph, n, reader, op))
    notes.refusals.push_back(fmt::format("'{}' into '{}': {}", name, into, *reason));
  else
    notes.rewrites.push_back(fmt::format("'{}' into '{}'", name, into));
}

}  // namespace

void fold_affine_before(Rewriter& graph, PassNotes& notes) {
  for (NodeId n = graph.size(); n-- > 0;) {
    if (!graph.is_live(n) || !is_affine_kind(graph.node(n).op)) continue;
    const std::vector<NodeId> readers = graph.readers(graph.node(n).outputs[0]);
    if (readers.empty()) continue;
    const NodeId reader = *std::min_element(readers.begin(), readers.end());
    if (graph.get_if<Convolution>(reader)) fold_into<Convolution>(graph, n, reader, notes);
    if (graph.get_if<InnerProduct>(reader)) fold_into<InnerProduct>(graph, n, reader, notes);
  }
}

}  // namespace kissa
