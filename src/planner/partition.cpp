#include "planner/partition.h"

#include <algorithm>
#include <map>

#include "base/error.h"

namespace kissa {
namespace {

using Nodes = std::vector<NodeId>;

// Who reads each value.
class Readers {
 public:
  explicit Readers(const Graph& graph) : readers_(graph.values().size()) {
    for (std::size_t n = 0; n < graph.nodes().size(); ++n)
      for (const ValueId id : graph.nodes()[n].inputs)
        readers_[static_cast<std::size_t>(id)].push_back(static_cast<NodeId>(n));
  }
  const Nodes& of(ValueId id) const { return readers_[static_cast<std::size_t>(id)]; }

 private:
  std::vector<Nodes> readers_;
};

// Convolutions that differ in nothing but their number of outputs, and read one value.
Nodes siblings(const Graph& graph, const Readers& readers, NodeId first) {
  const Node& node = graph.node(first);
  const auto* conv = std::get_if<Convolution>(&node.op);
  if (conv == nullptr || node.inputs.size() != 1) return {};
  Nodes found;
  for (const NodeId n : readers.of(node.inputs[0])) {
    const Node& other = graph.node(n);
    const auto* sibling = std::get_if<Convolution>(&other.op);
    if (sibling == nullptr || other.inputs.size() != 1) continue;
    Convolution like = *sibling;
    like.num_output = conv->num_output;
    like.has_bias = conv->has_bias;
    if (like == *conv) found.push_back(n);
  }
  return found.size() > 1 ? found : Nodes{};
}

// What fills a launch of its own on a large GPU.
constexpr double kLargeFlops = 3e8;

bool is_large(const Graph& graph, const Node& node) {
  const auto shapes = [&](const std::vector<ValueId>& ids) {
    Shapes found;
    for (const ValueId id : ids) found.push_back(graph.value(id).shape);
    return found;
  };
  return static_cast<double>(
             work_of(node.op, shapes(node.inputs), shapes(node.outputs)).arithmetic.flops()) >=
         kLargeFlops;
}

// All nodes that could run now, independent of each other: those that have what they read, but for
// views and for what only a concatenation waits for. That has time until the others' readers run,
// and fills their launch; unless it is large, and better shares what it reads with the others.
Nodes ready(const Graph& graph, const Readers& readers, const std::vector<bool>& is_taken) {
  Nodes all;
  Nodes soon;
  bool is_urgent = false;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    const auto is_there = [&](ValueId id) {
      const NodeId producer = graph.value(id).producer;
      return producer == kNone || is_taken[static_cast<std::size_t>(producer)];
    };
    if (is_taken[i] || is_free(graph, node) ||
        !std::all_of(node.inputs.begin(), node.inputs.end(), is_there))
      continue;
    const auto is_concat = [&](NodeId n) {
      return std::holds_alternative<Concat>(graph.node(n).op);
    };
    if (node.outputs.empty()) continue;
    const Nodes& next = readers.of(node.outputs[0]);
    all.push_back(static_cast<NodeId>(i));
    const bool has_time = !next.empty() && std::all_of(next.begin(), next.end(), is_concat);
    is_urgent |= !has_time;
    if (!has_time || is_large(graph, node)) soon.push_back(static_cast<NodeId>(i));
  }
  return is_urgent ? soon : all;
}

// The node, the one that alone reads its only output, and so on: `length` nodes, or none.
Nodes chain(const Graph& graph, const Readers& readers, NodeId first, std::size_t length,
            const std::vector<ValueId>& keep) {
  Nodes nodes = {first};
  while (nodes.size() < length) {
    const Node& node = graph.node(nodes.back());
    if (node.outputs.size() != 1) return {};
    const ValueId between = node.outputs[0];
    if (std::find(keep.begin(), keep.end(), between) != keep.end()) return {};
    const Nodes& next = readers.of(between);
    if (next.size() != 1 || graph.node(next[0]).inputs.size() != 1) return {};
    nodes.push_back(next[0]);
  }
  return nodes;
}

void require_data(const Graph& graph, const Node& node) {
  const auto check = [&](ValueId id) {
    const Value& value = graph.value(id);
    if (value.is_constant && value.shape.elements() > 0 && value.data == nullptr)
      fail(ErrorCode::kInvalidModel,
           "{}: layer '{}' has no values for {} ({}): give a weight file that holds them, or fill "
           "them with random weights",
           node.where, node.name, value.name, value.shape.to_string());
  };
  std::for_each(node.inputs.begin(), node.inputs.end(), check);
  std::for_each(node.params.begin(), node.params.end(), check);
}

Group group_of(const Graph& graph, const Nodes& nodes, TacticList tactics,
               const std::vector<ValueId>& keep) {
  Group group{.nodes = nodes, .tactics = {}, .refusals = {}};
  const Region region = region_of(graph, nodes, keep).region;
  for (const Tactic* tactic : tactics) {
    if (auto reason = tactic->refuse(region))
      group.refusals.push_back({tactic->name(), std::move(*reason)});
    else
      group.tactics.push_back(tactic);
  }
  return group;
}

}  // namespace

GraphRegion region_of(const Graph& graph, const Nodes& nodes, const std::vector<ValueId>& keep) {
  GraphRegion result;
  Region& region = result.region;
  std::map<ValueId, int> index;
  const auto add = [&](ValueId id) {
    const auto [it, is_new] = index.emplace(id, static_cast<int>(region.values.size()));
    if (is_new) {
      const Value& value = graph.value(id);
      region.values.push_back({.desc = {.shape = value.shape}, .constant = value.data.get()});
      result.values.push_back(id);
    }
    return it->second;
  };
  const auto is_inside = [&](NodeId n) {
    return std::find(nodes.begin(), nodes.end(), n) != nodes.end();
  };

  for (const NodeId n : nodes) {
    const Node& node = graph.node(n);
    Region::Node inner{.op = node.op, .epilogue = node.epilogue};
    for (const ValueId id : node.inputs) {
      inner.inputs.push_back(add(id));
      const Value& value = graph.value(id);
      const bool flows_in = !value.is_constant && !is_inside(value.producer);
      const int i = inner.inputs.back();
      if (flows_in &&
          std::find(region.inputs.begin(), region.inputs.end(), i) == region.inputs.end())
        region.inputs.push_back(i);
    }
    for (const ValueId id : node.params) inner.params.push_back(add(id));
    for (const ValueId id : node.outputs) inner.outputs.push_back(add(id));
    region.nodes.push_back(std::move(inner));
  }

  std::vector<bool> flows_out(graph.values().size(), false);
  for (const ValueId id : keep) flows_out[static_cast<std::size_t>(id)] = true;
  std::vector<bool> is_read(graph.values().size(), false);
  for (std::size_t n = 0; n < graph.nodes().size(); ++n)
    for (const ValueId id : graph.nodes()[n].inputs) {
      is_read[static_cast<std::size_t>(id)] = true;
      if (!is_inside(static_cast<NodeId>(n))) flows_out[static_cast<std::size_t>(id)] = true;
    }
  for (const NodeId n : nodes)
    for (const ValueId id : graph.node(n).outputs)
      if (flows_out[static_cast<std::size_t>(id)] || !is_read[static_cast<std::size_t>(id)])
        region.outputs.push_back(index.at(id));
  return result;
}

bool is_free(const Graph& graph, const Node& node) {
  return is_view(node.op) && !graph.value(node.inputs[0]).is_constant;
}

std::vector<Group> partition(const Graph& graph, TacticList tactics,
                             const std::vector<ValueId>& keep) {
  const Readers readers(graph);
  std::vector<Group> groups;
  std::vector<bool> is_taken(graph.nodes().size(), false);
  const auto take = [&](const Nodes& nodes, Group group) {
    for (const NodeId m : nodes) is_taken[static_cast<std::size_t>(m)] = true;
    groups.push_back(std::move(group));
  };
  // Independent nodes that one launch can run, as long as there are such.
  const auto take_ready = [&] {
    for (Nodes nodes = ready(graph, readers, is_taken); nodes.size() > 1;
         nodes = ready(graph, readers, is_taken)) {
      Group group = group_of(graph, nodes, tactics, keep);
      if (group.tactics.empty()) return;
      for (const NodeId m : nodes) require_data(graph, graph.node(m));
      take(nodes, std::move(group));
    }
  };
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const auto n = static_cast<NodeId>(i);
    if (!is_taken[i]) take_ready();
    if (is_taken[i]) continue;
    const Node& node = graph.node(n);
    if (is_free(graph, node)) {
      is_taken[i] = true;
      groups.push_back({.nodes = {n}, .tactics = {}, .refusals = {}});
      continue;
    }
    for (Nodes proposal :
         {siblings(graph, readers, n), chain(graph, readers, n, 4, keep),
          chain(graph, readers, n, 3, keep), chain(graph, readers, n, 2, keep), Nodes{n}}) {
      std::erase_if(proposal, [&](NodeId m) { return is_taken[static_cast<std::size_t>(m)]; });
      if (proposal.empty() || proposal[0] != n) continue;
      for (const NodeId m : proposal) require_data(graph, graph.node(m));
      Group group = group_of(graph, proposal, tactics, keep);
      if (group.tactics.empty()) {
        if (proposal.size() > 1) continue;
        fail(ErrorCode::kUnsupported, "{}: layer '{}' ({}) cannot run: {}: {}", node.where,
             node.name, name_of(node.op), group.refusals.back().tactic,
             group.refusals.back().reason);
      }
      take(proposal, std::move(group));
      break;
    }
  }
  return groups;
}

}  // namespace kissa
