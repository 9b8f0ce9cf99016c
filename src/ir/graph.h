// Graph: a network in topological order and single assignment, free of any device and file format.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/tensor.h"
#include "ops/epilogue.h"
#include "ops/op.h"

namespace kissa {

using ValueId = int;
using NodeId = int;
inline constexpr int kNone = -1;

// Constant data that graphs, plans and the file buffer it came from share.
using ConstantData = std::shared_ptr<const float>;

// A tensor that flows: a graph input, a constant, or one output of one node.
struct Value {
  std::string name;  // the blob's name in the file; several versions of an in-place blob share it
  Shape shape;
  NodeId producer = kNone;  // kNone for inputs and constants
  bool is_constant = false;
  ConstantData data = nullptr;  // of a constant; null until weights are given
};

struct Node {
  std::string name;  // the layer's name
  Op op;
  std::vector<ValueId> inputs = {};  // what flows in
  std::vector<ValueId> params = {};  // constants, in the order of params_of(op)
  Epilogue epilogue = {};
  std::vector<ValueId> outputs = {};
  std::string where = {};                // "deploy.prototxt:71", for messages
  std::vector<std::string> layers = {};  // the layers of the file that this node computes
};

class Graph {
 public:
  std::string name;

  ValueId add_input(std::string name, Shape shape);
  ValueId add_constant(std::string name, Shape shape, ConstantData data = {});
  // Infers the outputs' shapes and gives them `output_names`. Throws the op's shape error, with the
  // node's place and name in front.
  NodeId add_node(Node node, const std::vector<std::string>& output_names);
  void add_output(ValueId value) { outputs_.push_back(value); }
  void set_data(ValueId constant, ConstantData data);

  const std::vector<Value>& values() const { return values_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  const Value& value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }

  Shapes shapes_of(std::span<const ValueId> ids) const;
  // The shapes of the inputs that the op itself reads: without a residual.
  Shapes op_inputs(const Node& node) const;
  Work work_of(const Node& node) const;
  // The last value of that name (a blob after all its in-place layers), or kNone.
  ValueId find_value(std::string_view name) const;
  std::vector<std::string> value_names() const;  // without constants, each once, in order

  // A graph for other input shapes (by input name; the others keep theirs), all shapes inferred
  // anew. Throws where a name is no input, or a layer cannot take what it would get.
  Graph reshaped(const std::unordered_map<std::string, Shape>& input_shapes) const;

  // Throws kInternal naming the node that breaks order, single assignment, shapes or parameters.
  void verify() const;
  // One line an input, node and output: "%3 conv1 [64x3x7x7] = convolution(%0) ..."
  std::string to_text() const;

 private:
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
};

}  // namespace kissa
