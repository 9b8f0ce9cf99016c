#include "ir/graph_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "ops/fields.h"

namespace kissa {
namespace {

using Json = nlohmann::json;

// ---- JSON's own types, checked

[[noreturn]] void fail_type(std::string_view wanted) {
  fail(ErrorCode::kInvalidFile, "something else stands where {} should", wanted);
}

const Json& member(const Json& json, const char* key) {
  if (!json.is_object()) fail_type("an object");
  const auto it = json.find(key);
  if (it == json.end()) fail(ErrorCode::kInvalidFile, "'{}' is missing", key);
  return *it;
}

const Json& array_member(const Json& json, const char* key) {
  const Json& array = member(json, key);
  if (!array.is_array()) fail_type("an array");
  return array;
}

void read(const Json& json, bool& value) {
  if (!json.is_boolean()) fail_type("true or false");
  value = json.get<bool>();
}

void read(const Json& json, std::int64_t& value) {
  const bool fits = json.is_number_integer() &&
                    !(json.is_number_unsigned() &&
                      json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max());
  if (!fits) fail_type("an integer");
  value = json.get<std::int64_t>();
}

void read(const Json& json, int& value) {
  std::int64_t wide = 0;
  read(json, wide);
  if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max())
    fail(ErrorCode::kInvalidFile, "{} is no small integer", wide);
  value = static_cast<int>(wide);
}

// JSON has no infinities and no NaN.
Json write(float value) {
  if (std::isfinite(value)) return value;
  if (std::isnan(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}

void read(const Json& json, float& value) {
  if (json.is_number()) {
    value = json.get<float>();
    return;
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (json == "inf")
    value = kInfinity;
  else if (json == "-inf")
    value = -kInfinity;
  else if (json == "nan")
    value = std::numeric_limits<float>::quiet_NaN();
  else
    fail_type("a number");
}

template <class T>
Json write(const T& value) {
  return value;
}

template <class T>
Json write(const std::optional<T>& value) {
  return value ? write(*value) : Json();
}

template <class T>
void read(const Json& json, std::optional<T>& value) {
  value.reset();
  if (!json.is_null()) read(json, value.emplace());
}

Json write(const std::vector<float>& values) {
  Json json = Json::array();
  for (const float value : values) json.push_back(write(value));
  return json;
}

template <class T>
void read(const Json& json, std::vector<T>& values) {
  if (!json.is_array()) fail_type("an array");
  values.clear();
  for (const Json& element : json) read(element, values.emplace_back());
}

void read(const Json& json, std::array<std::int64_t, 2>& values) {
  if (!json.is_array() || json.size() != 2) fail_type("a pair");
  for (std::size_t i = 0; i < 2; ++i) read(json[i], values[i]);
}

// ---- Fields

struct FieldWriter {
  Json& json;

  template <class T>
  void field(const char* key, const T& value) {
    json[key] = write(value);
  }
  template <class T, class Names>
  void choice(const char* key, const T& value, const Names& names) {
    for (const auto& [name, named] : names)
      if (named == value) json[key] = name;
  }
  void window(const char* key, const std::vector<std::int64_t>& values, int, std::int64_t) {
    field(key, values);
  }
};

struct FieldReader {
  const Json& json;

  template <class T>
  void field(const char* key, T& value) {
    with_context([&] { return fmt::format("field '{}'", key); },
                 [&] { read(member(json, key), value); });
  }
  template <class T, class Names>
  void choice(const char* key, T& value, const Names& names) {
    const Json& given = member(json, key);
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

Json texts_to_json(const std::vector<std::string>& texts) {
  Json json = Json::array();
  for (const std::string& text : texts) json.push_back(to_json(text));
  return json;
}

std::vector<std::string> texts_from_json(const Json& json) {
  std::vector<std::string> texts;
  for (const Json& text : json) texts.push_back(text_from_json(text));
  return texts;
}

Json node_to_json(const Graph& graph, const Node& node) {
  std::vector<std::string> names;
  for (const ValueId id : node.outputs) names.push_back(graph.value(id).name);
  Json fields = Json::object();
  FieldWriter writer{fields};
  Op op = node.op;
  visit_op_fields(op, writer);
  Json json = {{"node", to_json(node.name)},   {"op", name_of(node.op)},
               {"fields", std::move(fields)},  {"inputs", node.inputs},
               {"params", node.params},        {"outputs", texts_to_json(names)},
               {"where", to_json(node.where)}, {"layers", texts_to_json(node.layers)}};
  if (!node.epilogue.empty()) {
    FieldWriter epilogue{json["epilogue"]};
    Epilogue copy = node.epilogue;
    visit_fields(copy, epilogue);
  }
  return json;
}

class GraphReader {
 public:
  explicit GraphReader(const FindData& find_data) : find_data_(find_data) {}

  Graph read(const Json& json) {
    graph_.name = text_from_json(member(json, "name"));
    for (const Json& item : array_member(json, "items")) {
      if (item.contains("node"))
        add_node(item);
      else if (item.contains("constant"))
        add_constant(item);
      else
        graph_.add_input(text_from_json(member(item, "input")),
                         shape_from_json(member(item, "shape")));
    }
    for (const ValueId id : values(json, "outputs")) graph_.add_output(id);
    graph_.verify();
    return std::move(graph_);
  }

 private:
  std::vector<ValueId> values(const Json& json, const char* key) const {
    std::vector<ValueId> ids;
    kissa::read(member(json, key), ids);
    for (const ValueId id : ids)
      if (id < 0 || id >= std::ssize(graph_.values()))
        fail(ErrorCode::kInvalidFile, "there is no value {} yet", id);
    return ids;
  }

  void add_constant(const Json& item) {
    std::string name = text_from_json(member(item, "constant"));
    Shape shape = shape_from_json(member(item, "shape"));
    bool has_data = false;
    kissa::read(member(item, "data"), has_data);
    ConstantData data = has_data ? find_data_(constants_, shape) : nullptr;
    ++constants_;
    graph_.add_constant(std::move(name), std::move(shape), std::move(data));
  }

  void add_node(const Json& item) {
    Node node;
    node.name = text_from_json(member(item, "node"));
    with_context([&] { return fmt::format("layer '{}'", node.name); },
                 [&] {
                   node.op = read_op(item);
                   if (item.contains("epilogue")) {
                     FieldReader reader{member(item, "epilogue")};
                     visit_fields(node.epilogue, reader);
                   }
                   node.inputs = values(item, "inputs");
                   node.params = values(item, "params");
                   node.where = text_from_json(member(item, "where"));
                   node.layers = texts_from_json(array_member(item, "layers"));
                   const auto names = texts_from_json(array_member(item, "outputs"));
                   check_node(node, names.size());
                   graph_.add_node(std::move(node), names);
                 });
  }

  static Op read_op(const Json& item) {
    const Json& name = member(item, "op");
    if (!name.is_string()) fail_type("an op's name");
    std::optional<Op> op = op_named(name.get_ref<const std::string&>());
    if (!op) fail(ErrorCode::kInvalidFile, "there is no op of its name");
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
  std::size_t constants_ = 0;
};

}  // namespace

nlohmann::json to_json(const std::string& text) {
  try {
    static_cast<void>(Json(text).dump());
    return text;
  } catch (const Json::type_error&) {
    Json bytes = Json::array();
    for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
    return bytes;
  }
}

std::string text_from_json(const nlohmann::json& json) {
  if (json.is_string()) return json.get<std::string>();
  std::vector<int> bytes;
  read(json, bytes);
  std::string text;
  for (const int byte : bytes) {
    if (byte < 0 || byte > 255) fail_type("a byte");
    text.push_back(static_cast<char>(byte));
  }
  return text;
}

nlohmann::json to_json(const Shape& shape) { return shape.dims(); }

Shape shape_from_json(const nlohmann::json& json) {
  std::vector<std::int64_t> dims;
  read(json, dims);
  return Shape(std::move(dims));
}

nlohmann::json to_json(const Graph& graph) {
  Json items = Json::array();
  NodeId next = 0;
  const auto add_nodes_until = [&](NodeId end) {
    for (; next < end; ++next) items.push_back(node_to_json(graph, graph.node(next)));
  };
  for (const Value& value : graph.values()) {
    if (value.is_constant)
      items.push_back({{"constant", to_json(value.name)},
                       {"shape", to_json(value.shape)},
                       {"data", value.data != nullptr}});
    else if (value.producer == kNone)
      items.push_back({{"input", to_json(value.name)}, {"shape", to_json(value.shape)}});
    else
      add_nodes_until(value.producer + 1);
  }
  add_nodes_until(static_cast<NodeId>(graph.nodes().size()));
  return {{"name", to_json(graph.name)}, {"items", std::move(items)}, {"outputs", graph.outputs()}};
}

Graph graph_from_json(const nlohmann::json& json, const FindData& find_data) {
  return GraphReader(find_data).read(json);
}

}  // namespace kissa
