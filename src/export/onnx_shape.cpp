#include "export/onnx_ops.h"

namespace kissa::onnx {

void write(NodeWriter& w, const Concat& op) {
  Names parts;
  for (int i = 0; i < w.inputs(); ++i) parts.push_back(w.input(i));
  const int axis = w.input_shape().canonical_axis(op.axis);
  w.result(parts.size() == 1 ? parts[0] : w.add("Concat", parts, {{"axis", axis}}));
}

void write(NodeWriter& w, const Crop& op) {
  const Shape& in = w.input_shape();
  const int first = in.canonical_axis(op.axis);
  Integers starts, ends, axes;
  for (int axis = first; axis < in.rank(); ++axis) {
    const auto i = op.offsets.size() == 1 ? 0 : static_cast<std::size_t>(axis - first);
    starts.push_back(op.offsets.empty() ? 0 : op.offsets[i]);
    ends.push_back(starts.back() + w.output_shape()[axis]);
    axes.push_back(axis);
  }
  w.result(w.add("Slice", {w.input(), w.constant(starts), w.constant(ends), w.constant(axes)}));
}

void write(NodeWriter& w, const Flatten&) { w.result(w.reshaped(w.input(), w.output_shape())); }
void write(NodeWriter& w, const Identity&) { w.result(w.input()); }
void write(NodeWriter& w, const Reshape&) { w.result(w.reshaped(w.input(), w.output_shape())); }

void write(NodeWriter& w, const Slice& op) {
  if (w.outputs() == 1) return w.result(w.input());
  const int axis = w.input_shape().canonical_axis(op.axis);
  Integers parts;
  for (int i = 0; i < w.outputs(); ++i) parts.push_back(w.output_shape(i)[axis]);
  const Names y = w.add("Split", {w.input(), w.constant(parts)}, w.outputs(), {{"axis", axis}});
  for (int i = 0; i < w.outputs(); ++i) w.result(y[static_cast<std::size_t>(i)], i);
}

void write(NodeWriter& w, const Tile& op) {
  Integers repeats(static_cast<std::size_t>(w.input_shape().rank()), 1);
  repeats[static_cast<std::size_t>(w.input_shape().canonical_axis(op.axis))] = op.tiles;
  w.result(w.add("Tile", {w.input(), w.constant(repeats)}));
}

}  // namespace kissa::onnx
