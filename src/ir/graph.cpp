#include "ir/graph.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>

#include "base/error.h"

namespace kissa {

ValueId Graph::add_input(std::string value_name, Shape shape) {
  const auto id = static_cast<ValueId>(values_.size());
  values_.push_back({.name = std::move(value_name), .shape = std::move(shape)});
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_constant(std::string value_name, Shape shape, ConstantData data) {
  const auto id = static_cast<ValueId>(values_.size());
  values_.push_back({.name = std::move(value_name),
                     .shape = std::move(shape),
                     .is_constant = true,
                     .data = std::move(data)});
  return id;
}

NodeId Graph::add_node(Node node, const std::vector<std::string>& output_names) {
  const auto id = static_cast<NodeId>(nodes_.size());
  Shapes shapes = with_context(
      [&] { return fmt::format("{}: layer '{}' ({})", node.where, node.name, name_of(node.op)); },
      [&] { return infer(node.op, op_inputs(node)); });
  KISSA_CHECK(shapes.size() == output_names.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    node.outputs.push_back(static_cast<ValueId>(values_.size()));
    values_.push_back({.name = output_names[i], .shape = std::move(shapes[i]), .producer = id});
  }
  nodes_.push_back(std::move(node));
  return id;
}

void Graph::set_data(ValueId constant, ConstantData data) {
  Value& value = values_[static_cast<std::size_t>(constant)];
  KISSA_CHECK(value.is_constant);
  value.data = std::move(data);
}

Shapes Graph::shapes_of(std::span<const ValueId> ids) const {
  Shapes shapes;
  for (const ValueId id : ids) shapes.push_back(value(id).shape);
  return shapes;
}

Shapes Graph::op_inputs(const Node& node) const {
  const std::size_t residual = node.epilogue.has_residual ? 1 : 0;
  return shapes_of(std::span(node.inputs).first(node.inputs.size() - residual));
}

Work Graph::work_of(const Node& node) const {
  return kissa::work_of(node.op, op_inputs(node), shapes_of(node.outputs));
}

ValueId Graph::find_value(std::string_view value_name) const {
  for (std::size_t i = values_.size(); i-- > 0;)
    if (!values_[i].is_constant && values_[i].name == value_name) return static_cast<ValueId>(i);
  return kNone;
}

std::vector<std::string> Graph::value_names() const {
  std::vector<std::string> names;
  std::unordered_set<std::string_view> seen;
  for (const Value& value : values_)
    if (!value.is_constant && seen.insert(value.name).second) names.push_back(value.name);
  return names;
}

Graph Graph::reshaped(const std::unordered_map<std::string, Shape>& input_shapes) const {
  Graph graph = *this;
  for (const auto& [input_name, shape] : input_shapes) {
    const auto it =
        std::find_if(inputs_.begin(), inputs_.end(),
                     [&, &wanted = input_name](ValueId id) { return value(id).name == wanted; });
    if (it == inputs_.end()) {
      std::vector<std::string> names;
      for (const ValueId id : inputs_) names.push_back(value(id).name);
      fail(ErrorCode::kInvalidArgument, "'{}' is no input of this network; its inputs are: {}",
           input_name, fmt::join(names, ", "));
    }
    graph.values_[static_cast<std::size_t>(*it)].shape = shape;
  }
  for (const Node& node : graph.nodes_) {
    with_context(
        [&] { return fmt::format("{}: layer '{}' ({})", node.where, node.name, name_of(node.op)); },
        [&] {
          const Shapes in = graph.op_inputs(node);
          Shapes out = infer(node.op, in);
          for (std::size_t i = 0; i < out.size(); ++i)
            graph.values_[static_cast<std::size_t>(node.outputs[i])].shape = std::move(out[i]);
          const auto params = params_of(node.op, in);
          for (std::size_t i = 0; i < params.size(); ++i) {
            const Value& constant = graph.value(node.params[i]);
            if (constant.shape != params[i].shape)
              fail(ErrorCode::kInvalidArgument,
                   "with these input shapes, {} would have to be {}, but it is {}", constant.name,
                   params[i].shape.to_string(), constant.shape.to_string());
          }
        });
  }
  return graph;
}

void Graph::verify() const {
  const auto broken = [](const std::string& where, std::string_view why) {
    fail(ErrorCode::kInternal, "internal error: graph: {}: {}", where, why);
  };
  std::vector<bool> defined(values_.size(), false);
  for (std::size_t i = 0; i < values_.size(); ++i)
    if (values_[i].is_constant) defined[i] = true;
  for (const ValueId id : inputs_) defined[static_cast<std::size_t>(id)] = true;
  const auto check_defined = [&](const std::string& where, ValueId id) {
    if (id < 0 || static_cast<std::size_t>(id) >= values_.size()) broken(where, "no such value");
    if (!defined[static_cast<std::size_t>(id)]) broken(where, "reads a value before it is made");
  };
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    const std::string where = fmt::format("node {} '{}'", n, node.name);
    for (const ValueId id : node.inputs) check_defined(where, id);
    for (const ValueId id : node.params) check_defined(where, id);
    const Shapes in = op_inputs(node);
    const auto params = params_of(node.op, in);
    if (params.size() != node.params.size()) broken(where, "wrong number of parameters");
    for (std::size_t i = 0; i < params.size(); ++i)
      if (value(node.params[i]).shape != params[i].shape) broken(where, "a parameter's shape");
    if (infer(node.op, in) != shapes_of(node.outputs)) broken(where, "an output's shape");
    if (node.epilogue.has_residual &&
        value(node.inputs.back()).shape != value(node.outputs[0]).shape)
      broken(where, "the residual's shape");
    for (const ValueId id : node.outputs) {
      if (defined[static_cast<std::size_t>(id)]) broken(where, "makes a value a second time");
      if (value(id).producer != static_cast<NodeId>(n))
        broken(where, "is not its output's producer");
      defined[static_cast<std::size_t>(id)] = true;
    }
  }
  for (const ValueId id : outputs_) check_defined("outputs", id);
}

std::string Graph::to_text() const {
  std::string text = fmt::format("graph '{}'\n", name);
  const auto values_text = [&](const std::vector<ValueId>& ids) {
    std::vector<std::string> parts;
    for (const ValueId id : ids)
      parts.push_back(fmt::format("%{} {} [{}]", id, value(id).name, value(id).shape.to_string()));
    return fmt::format("{}", fmt::join(parts, ", "));
  };
  const auto ids_text = [](const std::vector<ValueId>& ids) {
    std::vector<std::string> parts;
    for (const ValueId id : ids) parts.push_back(fmt::format("%{}", id));
    return fmt::format("{}", fmt::join(parts, ", "));
  };
  if (!inputs_.empty()) text += fmt::format("input {}\n", values_text(inputs_));
  for (const Node& node : nodes_) {
    std::string op_text = describe(node.op);
    if (!node.epilogue.empty()) op_text += (op_text.empty() ? "" : "; ") + node.epilogue.describe();
    text += fmt::format("{} = {}({}){}{}\n", values_text(node.outputs), name_of(node.op),
                        ids_text(node.inputs),
                        node.params.empty() ? "" : " with " + values_text(node.params),
                        op_text.empty() ? "" : ": " + op_text);
  }
  if (!outputs_.empty()) text += fmt::format("output {}\n", ids_text(outputs_));
  return text;
}

}  // namespace kissa
