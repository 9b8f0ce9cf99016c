#include "export/onnx.h"

#include <algorithm>

#include "base/error.h"
#include "base/near_match.h"
#include "export/onnx_ops.h"

namespace kissa {
namespace {

using onnx::Export;
using onnx::HasOnnx;
using onnx::NodeWriter;

// Inputs and outputs first, then the last value of each blob by the blob's name; the values before
// it get the layer's name besides.
void name_values(Export& to, const std::vector<ValueId>& outputs) {
  const Graph& graph = to.graph;
  to.names.resize(graph.values().size());
  to.is_output.resize(graph.values().size());
  const auto name = [&](ValueId id, const std::string& wish) {
    std::string& own = to.names[static_cast<std::size_t>(id)];
    if (own.empty()) own = to.model.unique_name(wish);
  };
  for (const ValueId id : graph.inputs()) name(id, graph.value(id).name);
  for (const ValueId id : outputs) {
    name(id, graph.value(id).name);
    to.is_output[static_cast<std::size_t>(id)] = true;
  }
  for (const std::string& blob : graph.value_names()) name(graph.find_value(blob), blob);
  for (ValueId id = 0; id < static_cast<ValueId>(graph.values().size()); ++id) {
    const Value& value = graph.value(id);
    if (value.producer != kNone) name(id, value.name + "/" + graph.node(value.producer).name);
  }
}

std::vector<ValueId> outputs_of(const Graph& graph, const std::vector<std::string>& names) {
  if (names.empty()) return graph.outputs();
  std::vector<ValueId> outputs;
  for (const std::string& name : names) {
    const ValueId id = graph.find_value(name);
    const std::vector<std::string> all = graph.value_names();
    if (id == kNone)
      fail(ErrorCode::kInvalidArgument, "the network has no blob '{}'{}", name,
           did_you_mean(name, {all.begin(), all.end()}));
    if (std::find(outputs.begin(), outputs.end(), id) == outputs.end()) outputs.push_back(id);
  }
  return outputs;
}

// By NodeId: whether an output depends on the node.
std::vector<bool> needed_nodes(const Graph& graph, const std::vector<ValueId>& outputs) {
  std::vector<bool> is_needed(graph.nodes().size(), false);
  const auto need = [&](ValueId id) {
    const NodeId producer = graph.value(id).producer;
    if (producer != kNone) is_needed[static_cast<std::size_t>(producer)] = true;
  };
  std::for_each(outputs.begin(), outputs.end(), need);
  for (std::size_t n = is_needed.size(); n-- > 0;)
    if (is_needed[n])
      std::for_each(graph.nodes()[n].inputs.begin(), graph.nodes()[n].inputs.end(), need);
  return is_needed;
}

// Why ONNX has nothing for an op, where there is more to say than that.
std::string_view reason_for(std::string_view op) {
  if (op == Custom::kName) return "it is a plugin's layer";
  if (op == DetectionOutput::kName || op == Proposal::kName)
    return "it has no suppression of boxes in the layer's order";
  if (op == Filter::kName) return "the output's extent depends on the numbers";
  return "it has no operator like it";
}

void write_node(NodeWriter& writer, const Op& op) {
  std::visit(
      [&](const auto& one) {
        if constexpr (HasOnnx<std::decay_t<decltype(one)>>)
          onnx::write(writer, one);
        else
          writer.refuse(reason_for(one.kName));
      },
      op);
  writer.finish();
}

// Outputs that no node makes: ONNX wants an operator between an input and an output.
std::string output_name(Export& to, ValueId id) {
  const Value& value = to.graph.value(id);
  if (value.producer != kNone) return to.names[static_cast<std::size_t>(id)];
  const std::string name = to.model.unique_name(value.name);
  to.model.body().add("Identity", to.model.unique_operator_name(name), {to.name(id)}, {name}, {});
  return name;
}

template <std::size_t... I>
bool any_has_onnx(std::string_view op_name, std::index_sequence<I...>) {
  return ((std::variant_alternative_t<I, Op>::kName == op_name &&
           HasOnnx<std::variant_alternative_t<I, Op>>) ||
          ...);
}

}  // namespace

bool has_onnx(std::string_view op_name) {
  return any_has_onnx(op_name, std::make_index_sequence<std::variant_size_v<Op>>());
}

void export_onnx(const Graph& graph, const std::string& path, const OnnxExport& options) {
  if (options.opset < kMinOpset || options.opset > kMaxOpset)
    fail(ErrorCode::kInvalidArgument, "opset {} is not one of {} to {}", options.opset, kMinOpset,
         kMaxOpset);
  onnx::Model model(options.opset);
  Export to{.graph = graph, .model = model, .expand_lrn = options.expand_lrn};
  const std::vector<ValueId> outputs = outputs_of(graph, options.outputs);
  name_values(to, outputs);
  for (const ValueId id : graph.inputs())
    model.body().add_input(to.names[static_cast<std::size_t>(id)], graph.value(id).shape);
  const std::vector<bool> is_needed = needed_nodes(graph, outputs);
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.nodes()[n];
    KISSA_CHECK(node.epilogue.empty());
    if (!is_needed[n]) continue;
    with_context(
        [&] { return fmt::format("{}: layer '{}' ({})", node.where, node.name, name_of(node.op)); },
        [&] {
          NodeWriter writer(to, node);
          write_node(writer, node.op);
        });
  }
  for (const ValueId id : outputs)
    model.body().add_output(output_name(to, id), graph.value(id).shape);
  model.write(path, graph.name.empty() ? "network" : graph.name, options.version);
}

}  // namespace kissa
