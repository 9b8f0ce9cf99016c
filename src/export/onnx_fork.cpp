// Ops of Caffe's forks: what puts elements elsewhere, resizes, or makes and reads boxes.
#include <algorithm>

#include "export/onnx_ops.h"

namespace kissa::onnx {
namespace {

std::string transposed(NodeWriter& w, const std::string& x, const Integers& order) {
  return w.add("Transpose", {x}, {{"perm", order}});
}

// The tensor read as one of other extents, its axes put into another order.
void rearrange(NodeWriter& w, const Shape& as, const Integers& order) {
  const std::string y = transposed(w, w.reshaped(w.input(), as), order);
  w.result(w.reshaped(y, w.output_shape()));
}

// The box [begin, end) of all axes, without what cuts nothing.
std::string cut(NodeWriter& w, const std::string& x, const Shape& shape, const Integers& begin,
                const Integers& end) {
  Integers starts, ends, axes;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (begin[i] == 0 && end[i] == shape[axis]) continue;
    starts.push_back(begin[i]);
    ends.push_back(end[i]);
    axes.push_back(axis);
  }
  if (axes.empty()) return x;
  return w.add("Slice", {x, w.constant(starts), w.constant(ends), w.constant(axes)});
}

// To the output's shape. No region of interest, no scales.
std::string resized(NodeWriter& w, const std::string& x, Attributes attributes) {
  return w.add("Resize", {x, "", "", w.constant(Integers(w.output_shape().dims()))},
               std::move(attributes));
}

}  // namespace

void write(NodeWriter& w, const CropCenter& op) {
  const Shape& in = w.input_shape();
  Integers end = in.dims();
  for (std::size_t i = 0; i < end.size(); ++i) end[i] -= op.margins[i];
  w.result(cut(w, w.input(), in, op.margins, end));
}

void write(NodeWriter& w, const Permute& op) {
  w.result(transposed(w, w.input(), op.full_order(w.input_shape().rank())));
}

void write(NodeWriter& w, const Reorg& op) {
  const Shape& in = w.input_shape();
  const std::int64_t s = op.stride, channels = in[1] / (s * s);
  if (op.reversed)
    rearrange(w, {in[0], s, s, channels, in[2], in[3]}, {0, 3, 4, 1, 5, 2});
  else
    rearrange(w, {in[0], channels, in[2], s, in[3], s}, {0, 3, 5, 1, 2, 4});
}

void write(NodeWriter& w, const Reverse& op) {
  w.result(w.add("Slice", {w.input(), w.constant(Integers{-1}), w.constant(Integers{INT64_MIN}),
                           w.constant(Integers{w.input_shape().canonical_axis(op.axis)}),
                           w.constant(Integers{-1})}));
}

void write(NodeWriter& w, const ShuffleChannel& op) {
  const Shape& in = w.input_shape();
  rearrange(w, {in[0], op.group, in[1] / op.group, in.product(2, in.rank())}, {0, 2, 1, 3});
}

void write(NodeWriter& w, const Interp& op) {
  const Shape& in = w.input_shape();
  const Integers begin = {0, 0, -op.pad[0], -op.pad[0]};
  const Integers end = {in[0], in[1], in[2] + op.pad[1], in[3] + op.pad[1]};
  w.result(resized(w, cut(w, w.input(), in, begin, end),
                   {{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}}));
}

void write(NodeWriter& w, const Upsample&) {
  w.result(resized(w, w.input(),
                   {{"mode", "nearest"},
                    {"coordinate_transformation_mode", "asymmetric"},
                    {"nearest_mode", "floor"}}));
}

// Planes of zeros with a place more, where what has no place goes.
void write(NodeWriter& w, const Unpool&) {
  const Shape& in = w.input_shape();
  const Shape& out = w.output_shape();
  const std::int64_t places = in.product(2, 4), plane = out.product(2, 4);
  const Shape rows = {in[0], in[1], places};
  const std::string end = w.constant(static_cast<float>(plane));
  const std::string mask = w.reshaped(w.input(1), rows);
  const std::string is_place =
      w.add("And", {w.add("Less", {mask, end}), w.add("Greater", {mask, w.constant(-1.0f)})});
  const std::string index =
      w.add("Cast", {w.add("Where", {is_place, mask, end})}, {{"to", kInt64}});
  const Shape all = {in[0], in[1], plane + 1};
  const std::string zeros =
      w.constant(all, std::vector<float>(static_cast<std::size_t>(all.elements()), 0.0f));
  const std::string y =
      w.add("ScatterElements", {zeros, index, w.reshaped(w.input(), rows)}, {{"axis", 2}});
  w.result(w.reshaped(cut(w, y, all, {0, 0, 0}, {in[0], in[1], plane}), out));
}

void write(NodeWriter& w, const Normalize& op) {
  const Shape& in = w.input_shape();
  Integers axes = {1};
  for (int axis = 2; op.across_spatial && axis < in.rank(); ++axis) axes.push_back(axis);
  const std::string sum = w.reduced("ReduceSumSquare", w.input(), in, axes, true);
  const std::string norm = w.add("Sqrt", {w.affine(sum, 1.0f, op.eps)});
  std::vector<std::int64_t> dims(static_cast<std::size_t>(in.rank() - 1), 1);
  dims[0] = w.param_shape(0)[0];
  w.result(w.add("Mul", {w.add("Div", {w.input(), norm}), w.param(0, Shape(dims))}));
}

// Boxes depend on shapes alone: they are a constant.
void write(NodeWriter& w, const PriorBox& op) {
  const Shape& out = w.output_shape();
  std::vector<float> boxes(static_cast<std::size_t>(out.elements()));
  const ConstTensor inputs[] = {{nullptr, w.input_shape(0)}, {nullptr, w.input_shape(1)}};
  const Tensor output = {boxes.data(), out};
  op.reference(inputs, {&output, 1});
  w.result(w.constant(out, std::move(boxes)));
}

void write(NodeWriter& w, const RoiPooling& op) {
  const Shape rows = {w.input_shape(1)[0], 5};
  const std::string regions = w.input_shape(1) == rows ? w.input(1) : w.reshaped(w.input(1), rows);
  w.result(w.add(
      "MaxRoiPool", {w.input(0), regions},
      {{"pooled_shape", Integers{op.pooled_h, op.pooled_w}}, {"spatial_scale", op.spatial_scale}}));
}

}  // namespace kissa::onnx
