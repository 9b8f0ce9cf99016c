// Rewriter: a graph under change. Values and nodes keep their numbers until build() makes the new
// graph of what is left.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace kissa {

ConstantData make_constant(std::vector<float> data);

// `graph` with the values of these names as further outputs: its own come first, none twice; last
// the counts (ir/counts.h) of all of them. Throws kInvalidArgument on a name that no value has.
Graph with_outputs(Graph graph, const std::vector<std::string>& names);

// What every change keeps: the graph's inputs, and its outputs with their names, shapes and order.
// Other values may disappear.
class Rewriter {
 public:
  explicit Rewriter(const Graph& graph);

  // Nodes are numbered from 0 to size() - 1 in order of execution. Some of them are gone.
  NodeId size() const { return static_cast<NodeId>(nodes_.size()); }
  bool is_live(NodeId id) const { return nodes_[index(id)].has_value(); }
  const Node& node(NodeId id) const { return *nodes_[index(id)]; }
  // The node's op, where the node is live and its op is a T.
  template <class T>
  const T* get_if(NodeId id) const {
    return is_live(id) ? std::get_if<T>(&node(id).op) : nullptr;
  }

  const Value& value(ValueId id) const { return values_[index(id)]; }
  bool is_output(ValueId id) const;
  // The nodes that read it, one entry a read, in no order.
  const std::vector<NodeId>& readers(ValueId id) const { return readers_[index(id)]; }
  // Why the value must stay although `reader` no longer needs it: "'conv1' is also read by
  // 'pool2'". Nothing where `reader` is the only one that reads it, once.
  std::optional<std::string> why_needed(ValueId id, NodeId reader) const;

  ValueId add_constant(std::string name, Shape shape, std::vector<float> data);

  // Puts `fused` where the last of `nodes` stands. It takes over the last one's outputs and the
  // layers of all; its name, op, inputs, params and epilogue are the caller's. All but the last
  // have one output, which nothing outside `nodes` reads.
  void fuse(const std::vector<NodeId>& nodes, Node fused);

  // Why `to` cannot stand in for `from`; nothing where it can.
  std::optional<std::string> refuse_redirect(ValueId from, ValueId to) const;
  // Everything that reads `from` now reads `to`, which has the same shape. An output of the graph
  // keeps its name: then `to` is renamed. Only where it is not refused.
  void redirect(ValueId from, ValueId to);
  // Only a node whose outputs nothing reads.
  void remove(NodeId id);

  // Without the constants that nothing reads any more.
  Graph build() const;

 private:
  static std::size_t index(int id) { return static_cast<std::size_t>(id); }
  void attach(NodeId id);
  void detach(NodeId id);

  std::string name_;
  std::vector<Value> values_;
  std::vector<std::optional<Node>> nodes_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
};

}  // namespace kissa
