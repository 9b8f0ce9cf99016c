#include "export/dot.h"

namespace kissa {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string export_dot(const Graph& graph) {
  std::string dot = fmt::format("digraph {} {{\n  node [shape=box];\n", quoted(graph.name));
  const auto source = [&](ValueId id) {
    const Value& value = graph.value(id);
    return value.producer == kNone ? fmt::format("v{}", id) : fmt::format("n{}", value.producer);
  };
  for (const ValueId id : graph.inputs())
    dot += fmt::format("  v{} [shape=oval, label={}];\n", id, quoted(graph.value(id).name));
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.nodes()[n];
    const std::string text = describe(node.op);
    dot += fmt::format("  n{} [label={}];\n", n,
                       quoted(fmt::format("{}\n{}{}", node.name, name_of(node.op),
                                          text.empty() ? "" : ": " + text)));
    for (const ValueId id : node.inputs)
      if (!graph.value(id).is_constant)
        dot += fmt::format("  {} -> n{} [label={}];\n", source(id), n,
                           quoted(graph.value(id).shape.to_string()));
  }
  for (const ValueId id : graph.outputs()) {
    dot += fmt::format("  out{} [shape=oval, label={}];\n", id, quoted(graph.value(id).name));
    dot += fmt::format("  {} -> out{} [label={}];\n", source(id), id,
                       quoted(graph.value(id).shape.to_string()));
  }
  return dot + "}\n";
}

}  // namespace kissa
