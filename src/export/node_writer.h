// NodeWriter: what the function that writes one op as ONNX sees, and where it puts the operators.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "export/onnx_model.h"

namespace kissa::onnx {

// What all nodes of a graph share. Values have their names before any node is written.
struct Export {
  const Graph& graph;
  Model& model;
  bool expand_lrn = false;
  Names names = {};                  // by ValueId
  std::vector<bool> is_output = {};  // by ValueId
  std::map<std::pair<ValueId, std::vector<std::int64_t>>, std::string> constants = {};

  // A constant in a shape of as many elements: it is in the file once a shape.
  std::string constant(ValueId id, const Shape& shape);
  std::string name(ValueId id);
  // Throws kInvalidModel where the constant has none.
  std::span<const float> data(ValueId id) const;
};

class NodeWriter {
 public:
  NodeWriter(Export& to, const Node& node) : to_(to), node_(node) {}

  int opset() const { return to_.model.opset(); }
  bool expands_lrn() const { return to_.expand_lrn; }
  int inputs() const { return static_cast<int>(node_.inputs.size()); }
  int params() const { return static_cast<int>(node_.params.size()); }
  int outputs() const { return static_cast<int>(node_.outputs.size()); }
  std::string input(int i = 0) { return to_.name(node_.inputs.at(static_cast<std::size_t>(i))); }
  const Shape& input_shape(int i = 0) const;
  const Shape& output_shape(int i = 0) const;

  // A learned tensor, as it is or in another shape; its shape; its numbers.
  std::string param(int i);
  std::string param(int i, const Shape& shape);
  const Shape& param_shape(int i) const;
  std::span<const float> param_data(int i) const;

  std::string constant(float number);
  std::string constant(const Shape& shape, std::vector<float> numbers);
  std::string constant(const Integers& numbers);

  // An operator with one result, and with several; their names.
  std::string add(std::string_view op, Names inputs, Attributes attributes = {});
  Names add(std::string_view op, Names inputs, int results, Attributes attributes = {});
  // Makes the i-th output of the node what an operator, an input or a constant gives.
  void result(const std::string& name, int i = 0);

  // The same as `add` in the body of an operator that repeats.
  std::string add_in(Body& body, std::string_view op, const Names& inputs,
                     const Attributes& attributes = {});
  std::string new_name(std::string_view what);

  std::string reshaped(const std::string& x, const Shape& shape);
  // x * scale + shift, without what changes nothing.
  std::string affine(std::string x, float scale, float shift);
  // Reduces a tensor of `rank` axes over [begin, rank) by ReduceSum, ReduceMean, ... .
  std::string reduced(std::string_view op, const std::string& x, const Shape& shape, Integers axes,
                      bool keep_axes);

  // Puts the operators into the model. `result` has been called for every output.
  void finish();

  [[noreturn]] void refuse(std::string_view reason) const;

 private:
  struct Operator {
    std::string op;
    Names inputs;
    Names outputs;
    Attributes attributes;
  };
  void rename(const std::string& from, const std::string& to);
  bool makes(const std::string& name) const;

  Export& to_;
  const Node& node_;
  std::vector<Operator> operators_ = {};
};

}  // namespace kissa::onnx
