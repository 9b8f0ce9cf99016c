#include "export/onnx_ops.h"

namespace kissa::onnx {
namespace {

std::string to_index(NodeWriter& w, const std::string& numbers) {
  return w.add("Cast", {numbers}, {{"to", kInt64}});
}

}  // namespace

void write(NodeWriter& w, const BatchReindex&) {
  w.result(w.add("Gather", {w.input(0), to_index(w, w.input(1))}, {{"axis", 0}}));
}

void write(NodeWriter& w, const Embed& op) {
  std::string y = w.add("Gather", {w.param(0), to_index(w, w.input())}, {{"axis", 0}});
  if (op.has_bias) y = w.add("Add", {y, w.param(1)});
  w.result(y);
}

void write(NodeWriter& w, const InnerProduct& op) {
  const Shape& in = w.input_shape();
  const int axis = in.canonical_axis(op.axis);
  const bool is_matrix = in.rank() == 2 && axis == 1;
  const std::string x = is_matrix ? w.input() : w.add("Flatten", {w.input()}, {{"axis", axis}});
  Names inputs = {x, w.param(0)};
  if (op.has_bias) inputs.push_back(w.param(1));
  const std::string y = w.add("Gemm", inputs, {{"transB", std::int64_t{!op.transpose}}});
  w.result(w.output_shape().rank() == 2 ? y : w.reshaped(y, w.output_shape()));
}

}  // namespace kissa::onnx
