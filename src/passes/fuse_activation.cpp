#include "passes/fuse_activation.h"

#include <fmt/format.h>

namespace kissa {
namespace {

bool is_activation(const Op& op) {
  return std::holds_alternative<Relu>(op) || std::holds_alternative<Clip>(op);
}

bool takes_activation(const Op& op) {
  return std::holds_alternative<Convolution>(op) || std::holds_alternative<InnerProduct>(op) ||
         std::holds_alternative<Eltwise>(op);
}

std::optional<std::string> refuse(const Rewriter& graph, NodeId n) {
  const Node& node = graph.node(n);
  // The op gives min then, an epilogue would give max.
  const auto* clip = std::get_if<Clip>(&node.op);
  if (clip != nullptr && !(clip->min <= clip->max)) return "its range is empty";
  if (!node.epilogue.empty()) return "something is fused into it already";
  const NodeId producer = graph.value(node.inputs[0]).producer;
  if (producer == kNone)
    return fmt::format("no layer makes '{}'", graph.value(node.inputs[0]).name);
  const Node& target = graph.node(producer);
  if (!takes_activation(target.op))
    return fmt::format("'{}' is {}, which takes no activation", target.name, name_of(target.op));
  if (target.epilogue.activation != Activation::kNone)
    return fmt::format("'{}' ends in an activation already", target.name);
  return graph.why_needed(node.inputs[0], n);
}

Epilogue with_activation(Epilogue epilogue, const Op& op) {
  if (const auto* clip = std::get_if<Clip>(&op)) {
    epilogue.activation = Activation::kClip;
    epilogue.low = clip->min;
    epilogue.high = clip->max;
  } else {
    epilogue.activation = Activation::kRelu;
    epilogue.low = std::get<Relu>(op).negative_slope;
  }
  return epilogue;
}

}  // namespace

void fuse_activation(Rewriter& graph, PassNotes& notes) {
  for (NodeId n = 0; n < graph.size(); ++n) {
    if (!graph.is_live(n) || !is_activation(graph.node(n).op)) continue;
    const std::string name = graph.node(n).name;
    if (const auto reason = refuse(graph, n)) {
      notes.refusals.push_back(fmt::format("'{}': {}", name, *reason));
      continue;
    }
    const NodeId producer = graph.value(graph.node(n).inputs[0]).producer;
    Node fused = graph.node(producer);
    fused.epilogue = with_activation(fused.epilogue, graph.node(n).op);
    notes.rewrites.push_back(fmt::format("'{}' into '{}'", name, fused.name));
    graph.fuse({producer, n}, std::move(fused));
  }
}

}  // namespace kissa
