#include "ir/graph_json.h"

#include <algorithm>

#include "base/error.h"
#include "ir/json.h"
#include "ops/fields.h"

namespace kissa {
namespace {

using json::array_member;
using json::Json;
using json::member;
using json::read_member;

// ---- Fields

struct FieldWriter {
  Json& object;

  template <class T>
  void field(const char* key, const T& value) {
    object[key] = json::write(value);
  }
  template <class T, class Names>
  void choice(const char* key, const T& value, const Names& names) {
    for (const auto& [name, named] : names)
      if (named == value) object[key] = name;
  }
  void window(const char* key, const std::vector<std::int64_t>& values, int, std::int64_t) {
    field(key, values);
  }
};

struct FieldReader {
  const Json& object;

  template <class T>
  void field(const char* key, T& value) {
    with_context([&] { return fmt::format("field '{}'", key); },
                 [&] { json::read(member(object, key), value); });
  }
  template <class T, class Names>
  void choice(const char* key, T& value, const Names& names) {
    const Json& given = member(object, key);
    const auto it = std::find_if(names.begin(), names.end(),
                                 [&](const auto& entry) { return given == entry.first; });
    if (it == names.end()) fail(ErrorCode::kInvalidFile, "field '{}': no such choice", key);
    value = it->second;
  }
  void window(const char* key, std::vector<std::int64_t>& values, int, std::int64_t) {
    field(key, values);
  }
};

// ---- Nodes

Json node_to_json(const Graph& graph, const Node& node) {
  std::vector<std::string> names;
  for (const ValueId id : node.outputs) names.push_back(graph.value(id).name);
  Json fields = Json::object();
  FieldWriter writer{fields};
  Op op = node.op;
  visit_op_fields(op, writer);
  Json item = {{"node", json::write(node.name)},
               {"op", name_of(node.op)},
               {"fields", std::move(fields)},
               {"inputs", node.inputs},
               {"params", node.params},
               {"outputs", json::write(names)},
               {"where", json::write(node.where)},
               {"layers", json::write(node.layers)}};
  if (!node.epilogue.empty()) {
    FieldWriter epilogue{item["epilogue"]};
    Epilogue copy = node.epilogue;
    visit_fields(copy, epilogue);
  }
  return item;
}

class GraphReader {
 public:
  explicit GraphReader(const FindData& find_data) : find_data_(find_data) {}

  Graph read(const Json& whole) {
    graph_.name = read_member<std::string>(whole, "name");
    for (const Json& item : array_member(whole, "items")) {
      if (item.contains("node"))
        add_node(item);
      else if (item.contains("constant"))
        add_constant(item);
      else
        graph_.add_input(read_member<std::string>(item, "input"),
                         read_member<Shape>(item, "shape"));
    }
    for (const ValueId id : values(whole, "outputs")) graph_.add_output(id);
    graph_.verify();
    return std::move(graph_);
  }

 private:
  std::vector<ValueId> values(const Json& item, const char* key) const {
    auto ids = read_member<std::vector<ValueId>>(item, key);
    for (const ValueId id : ids)
      if (id < 0 || id >= std::ssize(graph_.values()))
        fail(ErrorCode::kInvalidFile, "there is no value {} yet", id);
    return ids;
  }

  void add_constant(const Json& item) {
    auto name = read_member<std::string>(item, "constant");
    auto shape = read_member<Shape>(item, "shape");
    ConstantData data = read_member<bool>(item, "data") ? find_data_(shape) : nullptr;
    graph_.add_constant(std::move(name), std::move(shape), std::move(data));
  }

  void add_node(const Json& item) {
    Node node;
    node.name = read_member<std::string>(item, "node");
    with_context([&] { return fmt::format("layer '{}'", node.name); },
                 [&] {
                   node.op = read_op(item);
                   if (item.contains("epilogue")) {
                     FieldReader reader{member(item, "epilogue")};
                     visit_fields(node.epilogue, reader);
                   }
                   node.inputs = values(item, "inputs");
                   node.params = values(item, "params");
                   node.where = read_member<std::string>(item, "where");
                   node.layers = read_member<std::vector<std::string>>(item, "layers");
                   const auto names = read_member<std::vector<std::string>>(item, "outputs");
                   check_node(node, names.size());
                   graph_.add_node(std::move(node), names);
                 });
  }

  static Op read_op(const Json& item) {
    const auto name = read_member<std::string>(item, "op");
    std::optional<Op> op = op_named(name);
    if (!op) fail(ErrorCode::kInvalidFile, "there is no op '{}'", name);
    FieldReader reader{member(item, "fields")};
    visit_op_fields(*op, reader);
    return *op;
  }

  // All that Graph takes for granted.
  void check_node(const Node& node, std::size_t outputs) const {
    if (const auto* slice = std::get_if<Slice>(&node.op);
        slice != nullptr && slice->outputs != static_cast<std::int64_t>(outputs))
      fail(ErrorCode::kInvalidFile, "it has another number of outputs");
    if (node.epilogue.has_residual && node.inputs.empty())
      fail(ErrorCode::kInvalidFile, "its residual is missing");
    const Shapes in = graph_.op_inputs(node);
    const Shapes out = infer(node.op, in);
    if (out.size() != outputs) fail(ErrorCode::kInvalidFile, "it has another number of outputs");
    if (node.epilogue.has_residual && graph_.value(node.inputs.back()).shape != out.at(0))
      fail(ErrorCode::kInvalidFile, "its residual has another shape");
    const std::vector<ParamSpec> params = params_of(node.op, in);
    if (params.size() != node.params.size())
      fail(ErrorCode::kInvalidFile, "it has another number of parameters");
    for (std::size_t i = 0; i < params.size(); ++i) {
      const Value& value = graph_.value(node.params[i]);
      if (!value.is_constant || value.shape != params[i].shape)
        fail(ErrorCode::kInvalidFile, "its {} is not what it should be", params[i].name);
    }
  }

  const FindData& find_data_;
  Graph graph_;
};

}  // namespace

nlohmann::json to_json(const Graph& graph) {
  Json items = Json::array();
  NodeId next = 0;
  const auto add_nodes_until = [&](NodeId end) {
    for (; next < end; ++next) items.push_back(node_to_json(graph, graph.node(next)));
  };
  for (const Value& value : graph.values()) {
    if (value.is_constant)
      items.push_back({{"constant", json::write(value.name)},
                       {"shape", json::write(value.shape)},
                       {"data", value.data != nullptr}});
    else if (value.producer == kNone)
      items.push_back({{"input", json::write(value.name)}, {"shape", json::write(value.shape)}});
    else
      add_nodes_until(value.producer + 1);
  }
  add_nodes_until(static_cast<NodeId>(graph.nodes().size()));
  return {
      {"name", json::write(graph.name)}, {"items", std::move(items)}, {"outputs", graph.outputs()}};
}

Graph graph_from_json(const nlohmann::json& whole, const FindData& find_data) {
  return GraphReader(find_data).read(whole);
}

}  // namespace kissa
