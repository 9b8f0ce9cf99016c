#include "ir/rewrite.h"

#include <algorithm>

#include "base/error.h"
#include "base/near_match.h"
#include "ir/counts.h"

namespace kissa {

ConstantData make_constant(std::vector<float> data) {
  const auto owner = std::make_shared<const std::vector<float>>(std::move(data));
  return {owner, owner->data()};
}

Graph with_outputs(Graph graph, const std::vector<std::string>& names) {
  const auto add = [&](ValueId id) {
    const auto& outputs = graph.outputs();
    if (std::find(outputs.begin(), outputs.end(), id) == outputs.end()) graph.add_output(id);
  };
  for (const std::string& name : names) {
    const ValueId id = graph.find_value(name);
    if (id == kNone) {
      const std::vector<std::string> known = graph.value_names();
      fail(ErrorCode::kInvalidArgument, "there is no blob '{}' in this network to fetch{}", name,
           did_you_mean(name, {known.begin(), known.end()}));
    }
    add(id);
  }
  const auto counts = counts_of(graph);
  for (const ValueId id : std::vector<ValueId>(graph.outputs()))
    if (const auto& count = counts[static_cast<std::size_t>(id)]) add(count->value);
  return graph;
}

Rewriter::Rewriter(const Graph& graph)
    : name_(graph.name),
      values_(graph.values()),
      nodes_(graph.nodes().begin(), graph.nodes().end()),
      readers_(graph.values().size()),
      inputs_(graph.inputs()),
      outputs_(graph.outputs()) {
  for (NodeId id = 0; id < size(); ++id) attach(id);
}

bool Rewriter::is_output(ValueId id) const {
  return std::find(outputs_.begin(), outputs_.end(), id) != outputs_.end();
}

std::optional<std::string> Rewriter::why_needed(ValueId id, NodeId reader) const {
  const std::string& name = value(id).name;
  if (is_output(id)) return fmt::format("'{}' is an output", name);
  const auto& all = readers(id);
  for (const NodeId other : all)
    if (other != reader) return fmt::format("'{}' is also read by '{}'", name, node(other).name);
  if (all.size() != 1) return fmt::format("it reads '{}' more than once", name);
  return std::nullopt;
}

ValueId Rewriter::add_constant(std::string name, Shape shape, std::vector<float> data) {
  KISSA_CHECK(static_cast<std::int64_t>(data.size()) == shape.elements());
  values_.push_back({.name = std::move(name),
                     .shape = std::move(shape),
                     .is_constant = true,
                     .data = make_constant(std::move(data))});
  readers_.emplace_back();
  return static_cast<ValueId>(values_.size()) - 1;
}

void Rewriter::fuse(const std::vector<NodeId>& nodes, Node fused) {
  const NodeId last = *std::max_element(nodes.begin(), nodes.end());
  fused.outputs = node(last).outputs;
  fused.layers.clear();
  for (const NodeId id : nodes) {
    const Node& part = node(id);
    if (part.layers.empty())
      fused.layers.push_back(part.name);
    else
      fused.layers.insert(fused.layers.end(), part.layers.begin(), part.layers.end());
    detach(id);
  }
  for (const NodeId id : nodes)
    if (id != last) remove(id);
  nodes_[index(last)] = std::move(fused);
  attach(last);
}

std::optional<std::string> Rewriter::refuse_redirect(ValueId from, ValueId to) const {
  if (!is_output(from)) return std::nullopt;
  if (is_output(to))
    return fmt::format("both '{}' and '{}' are outputs", value(to).name, value(from).name);
  if (value(to).is_constant) return fmt::format("'{}' is an output", value(from).name);
  if (value(to).producer == kNone)
    return fmt::format("'{}' is an output, and '{}' an input", value(from).name, value(to).name);
  return std::nullopt;
}

void Rewriter::redirect(ValueId from, ValueId to) {
  KISSA_CHECK(!refuse_redirect(from, to) && value(from).shape == value(to).shape);
  if (is_output(from)) {
    values_[index(to)].name = value(from).name;
    std::replace(outputs_.begin(), outputs_.end(), from, to);
  }
  const std::vector<NodeId> moved = std::move(readers_[index(from)]);
  readers_[index(from)].clear();
  for (const NodeId id : moved) {
    auto& inputs = nodes_[index(id)]->inputs;
    *std::find(inputs.begin(), inputs.end(), from) = to;
    readers_[index(to)].push_back(id);
  }
}

void Rewriter::remove(NodeId id) {
  for (const ValueId output : node(id).outputs)
    KISSA_CHECK(readers(output).empty() && !is_output(output));
  detach(id);
  nodes_[index(id)].reset();
}

Graph Rewriter::build() const {
  Graph graph;
  graph.name = name_;
  std::vector<ValueId> now(values_.size(), kNone);
  for (const ValueId id : inputs_)
    now[index(id)] = graph.add_input(value(id).name, value(id).shape);
  const auto map = [&](ValueId id) {
    ValueId& mapped = now[index(id)];
    if (mapped == kNone) {
      KISSA_CHECK(value(id).is_constant);
      mapped = graph.add_constant(value(id).name, value(id).shape, value(id).data);
    }
    return mapped;
  };
  for (const auto& old : nodes_) {
    if (!old) continue;
    Node copy = *old;
    std::vector<std::string> names;
    for (const ValueId id : copy.outputs) names.push_back(value(id).name);
    for (ValueId& id : copy.inputs) id = map(id);
    for (ValueId& id : copy.params) id = map(id);
    copy.outputs.clear();
    const NodeId made = graph.add_node(std::move(copy), names);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const ValueId id = graph.node(made).outputs[i];
      KISSA_CHECK(graph.value(id).shape == value(old->outputs[i]).shape);
      now[index(old->outputs[i])] = id;
    }
  }
  for (const ValueId id : outputs_) graph.add_output(map(id));
  return graph;
}

void Rewriter::attach(NodeId id) {
  for (const ValueId input : node(id).inputs) readers_[index(input)].push_back(id);
}

// Nothing for a node that is detached already.
void Rewriter::detach(NodeId id) {
  for (const ValueId input : node(id).inputs) std::erase(readers_[index(input)], id);
}

}  // namespace kissa
