#include "export/node_writer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "base/error.h"

namespace kissa::onnx {
namespace {

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace

std::span<const float> Export::data(ValueId id) const {
  const Value& value = graph.value(id);
  if (value.data == nullptr && value.shape.elements() > 0)
    fail(ErrorCode::kInvalidModel, "{} has no numbers: give a weight file or --random-weights SEED",
         value.name);
  return {value.data.get(), static_cast<std::size_t>(value.shape.elements())};
}

std::string Export::constant(ValueId id, const Shape& shape) {
  const Value& value = graph.value(id);
  KISSA_CHECK(value.is_constant && value.shape.elements() == shape.elements());
  data(id);
  const auto [it, is_new] = constants.try_emplace({id, shape.dims()});
  if (is_new) it->second = model.add_constant(value.name, shape, value.data);
  return it->second;
}

std::string Export::name(ValueId id) {
  const Value& value = graph.value(id);
  return value.is_constant ? constant(id, value.shape) : names[static_cast<std::size_t>(id)];
}

const Shape& NodeWriter::input_shape(int i) const {
  return to_.graph.value(node_.inputs.at(static_cast<std::size_t>(i))).shape;
}

const Shape& NodeWriter::output_shape(int i) const {
  return to_.graph.value(node_.outputs.at(static_cast<std::size_t>(i))).shape;
}

const Shape& NodeWriter::param_shape(int i) const {
  return to_.graph.value(node_.params.at(static_cast<std::size_t>(i))).shape;
}

std::string NodeWriter::param(int i) { return param(i, param_shape(i)); }

std::string NodeWriter::param(int i, const Shape& shape) {
  return to_.constant(node_.params.at(static_cast<std::size_t>(i)), shape);
}

std::span<const float> NodeWriter::param_data(int i) const {
  return to_.data(node_.params.at(static_cast<std::size_t>(i)));
}

std::string NodeWriter::constant(float number) {
  return to_.model.add_constant(node_.name + "/constant", Shape(), std::vector<float>{number});
}

std::string NodeWriter::constant(const Shape& shape, std::vector<float> numbers) {
  return to_.model.add_constant(node_.name + "/constant", shape, std::move(numbers));
}

std::string NodeWriter::constant(const Integers& numbers) {
  return to_.model.add_constant(node_.name + "/constant", numbers);
}

std::string NodeWriter::new_name(std::string_view what) {
  return to_.model.unique_name(node_.name + "/" + lowered(what));
}

std::string NodeWriter::add(std::string_view op, Names inputs, Attributes attributes) {
  return add(op, std::move(inputs), 1, std::move(attributes))[0];
}

Names NodeWriter::add(std::string_view op, Names inputs, int results, Attributes attributes) {
  Names outputs;
  for (int i = 0; i < results; ++i) outputs.push_back(new_name(op));
  operators_.push_back({std::string(op), std::move(inputs), outputs, std::move(attributes)});
  return outputs;
}

std::string NodeWriter::add_in(Body& body, std::string_view op, const Names& inputs,
                               const Attributes& attributes) {
  const std::string name = new_name(op);
  body.add(op, name, inputs, {name}, attributes);
  return name;
}

bool NodeWriter::makes(const std::string& name) const {
  return std::any_of(operators_.begin(), operators_.end(), [&](const Operator& one) {
    return std::find(one.outputs.begin(), one.outputs.end(), name) != one.outputs.end();
  });
}

void NodeWriter::rename(const std::string& from, const std::string& to) {
  for (Operator& one : operators_) {
    std::replace(one.inputs.begin(), one.inputs.end(), from, to);
    std::replace(one.outputs.begin(), one.outputs.end(), from, to);
  }
}

void NodeWriter::result(const std::string& name, int i) {
  const auto id = static_cast<std::size_t>(node_.outputs.at(static_cast<std::size_t>(i)));
  if (makes(name)) {
    rename(name, to_.names[id]);
  } else if (to_.is_output[id]) {
    operators_.push_back({"Identity", {name}, {to_.names[id]}, {}});
  } else {
    to_.names[id] = name;
  }
}

void NodeWriter::finish() {
  for (std::size_t i = 0; i < operators_.size(); ++i) {
    const Operator& one = operators_[i];
    const bool is_last = i + 1 == operators_.size();
    const std::string name = is_last ? node_.name : node_.name + "/" + lowered(one.op);
    to_.model.body().add(one.op, to_.model.unique_operator_name(name), one.inputs, one.outputs,
                         one.attributes);
  }
}

std::string NodeWriter::reshaped(const std::string& x, const Shape& shape) {
  return add("Reshape", {x, constant(Integers(shape.dims()))});
}

std::string NodeWriter::affine(std::string x, float scale, float shift) {
  if (scale != 1.0f) x = add("Mul", {x, constant(scale)});
  if (shift != 0.0f) x = add("Add", {x, constant(shift)});
  return x;
}

std::string NodeWriter::reduced(std::string_view op, const std::string& x, const Shape& shape,
                                Integers axes, bool keep_axes) {
  std::string from = x;
  if (axes.empty()) {
    // To ONNX, no axes mean all of them: an axis of one element stands in.
    std::vector<std::int64_t> dims = shape.dims();
    dims.push_back(1);
    from = reshaped(x, Shape(dims));
    axes = {shape.rank()};
    keep_axes = false;
  }
  Names inputs = {from};
  Attributes attributes = {{"keepdims", std::int64_t{keep_axes}}};
  if (opset() >= 18 || op == "ReduceSum")
    inputs.push_back(constant(axes));
  else
    attributes.push_back({"axes", axes});
  return add(op, inputs, attributes);
}

void NodeWriter::refuse(std::string_view reason) const {
  std::vector<std::string> names;
  for (const ValueId id : node_.inputs) names.push_back(to_.graph.value(id).name);
  fail(ErrorCode::kUnsupported,
       "cannot be said in ONNX: {}; '--outputs {}' exports the network up to here", reason,
       fmt::join(names, ","));
}

}  // namespace kissa::onnx
