#include "ops/rearrange.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace kissa {
namespace {

using Extents = std::vector<std::int64_t>;

Extents strides_of(const Shape& shape) {
  Extents strides;
  for (int axis = 0; axis < shape.rank(); ++axis)
    strides.push_back(shape.product(axis + 1, shape.rank()));
  return strides;
}

// Writes the box of `extents`, row by row, of elements that lie `strides` apart; returns the end.
float* gather(const float* in, const Extents& extents, const Extents& strides, std::size_t axis,
              float* out) {
  if (axis == extents.size()) {
    *out = *in;
    return out + 1;
  }
  if (axis + 1 == extents.size()) {
    for (std::int64_t i = 0; i < extents[axis]; ++i) out[i] = in[i * strides[axis]];
    return out + extents[axis];
  }
  for (std::int64_t i = 0; i < extents[axis]; ++i)
    out = gather(in + i * strides[axis], extents, strides, axis + 1, out);
  return out;
}

// The tensor at `in` of `shape`, its axes in another order.
void permute(const float* in, const Shape& shape, const Extents& order, float* out) {
  if (shape.elements() == 0) return;
  const Extents strides = strides_of(shape);
  Extents to_extents, to_strides;
  for (const std::int64_t axis : order) {
    to_extents.push_back(shape[static_cast<int>(axis)]);
    to_strides.push_back(strides[static_cast<std::size_t>(axis)]);
  }
  gather(in, to_extents, to_strides, 0, out);
}

void expect_four_axes(const Shape& in) {
  if (in.rank() != 4)
    fail(ErrorCode::kInvalidModel, "takes an input of 4 axes, not {}", in.to_string());
}

}  // namespace

Extents Permute::full_order(int rank) const {
  Extents full;
  for (const std::int64_t axis : order) {
    if (axis < 0 || axis >= rank)
      fail(ErrorCode::kInvalidModel, "order {} names no axis of the input's {}", axis, rank);
    if (std::find(full.begin(), full.end(), axis) != full.end())
      fail(ErrorCode::kInvalidModel, "order names axis {} twice", axis);
    full.push_back(axis);
  }
  for (std::int64_t axis = 0; axis < rank; ++axis)
    if (std::find(full.begin(), full.end(), axis) == full.end()) full.push_back(axis);
  return full;
}

Shapes Permute::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  Extents out;
  for (const std::int64_t axis : full_order(in[0].rank()))
    out.push_back(in[0][static_cast<int>(axis)]);
  return {Shape(std::move(out))};
}

void Permute::reference(ConstTensors x, Tensors y) const {
  permute(x[0].data, x[0].shape, full_order(x[0].shape.rank()), y[0].data);
}

std::string Permute::describe() const { return fmt::format("axes {}", fmt::join(order, ", ")); }

Shapes Reverse::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  in[0].canonical_axis(axis);
  return in;
}

void Reverse::reference(ConstTensors x, Tensors y) const {
  const Shape& shape = x[0].shape;
  const int along = shape.canonical_axis(axis);
  const std::int64_t extent = shape[along];
  const std::int64_t inner = shape.product(along + 1, shape.rank());
  for (std::int64_t o = 0; o < shape.product(0, along); ++o)
    for (std::int64_t k = 0; k < extent; ++k)
      std::copy_n(x[0].data + (o * extent + k) * inner, inner,
                  y[0].data + (o * extent + extent - 1 - k) * inner);
}

Shapes ShuffleChannel::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  if (in[0].rank() < 2)
    fail(ErrorCode::kInvalidModel, "takes an input of 2 axes or more, not {}", in[0].to_string());
  if (group < 1 || in[0][1] % group != 0)
    fail(ErrorCode::kInvalidModel, "{} channels cannot be parted into {} groups", in[0][1], group);
  return in;
}

void ShuffleChannel::reference(ConstTensors x, Tensors y) const {
  const Shape& shape = x[0].shape;
  permute(x[0].data, Shape({shape[0], group, shape[1] / group, shape.product(2, shape.rank())}),
          {0, 2, 1, 3}, y[0].data);
}

Shapes Reorg::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  expect_four_axes(in[0]);
  if (stride < 1 || stride > 1024)
    fail(ErrorCode::kInvalidModel, "stride {} must be in 1 to 1024", stride);
  const std::int64_t square = stride * stride;
  if (in[0][1] % square != 0)
    fail(ErrorCode::kInvalidModel, "{} channels are not divisible by stride {} squared", in[0][1],
         stride);
  if (reversed) return {Shape({in[0][0], in[0][1] / square, in[0][2] * stride, in[0][3] * stride})};
  if (in[0][2] % stride != 0 || in[0][3] % stride != 0)
    fail(ErrorCode::kInvalidModel, "stride {} does not divide an image of {} x {}", stride,
         in[0][2], in[0][3]);
  return {Shape({in[0][0], in[0][1] * square, in[0][2] / stride, in[0][3] / stride})};
}

void Reorg::reference(ConstTensors x, Tensors y) const {
  const Shape& in = x[0].shape;
  const std::int64_t channels = in[1] / (stride * stride);
  if (reversed)
    permute(x[0].data, Shape({in[0], stride, stride, channels, in[2], in[3]}), {0, 3, 4, 1, 5, 2},
            y[0].data);
  else
    permute(x[0].data, Shape({in[0], channels, in[2], stride, in[3], stride}), {0, 3, 5, 1, 2, 4},
            y[0].data);
}

std::string Reorg::describe() const {
  return fmt::format("stride {}{}", stride, reversed ? ", reversed" : "");
}

Shapes CropCenter::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  if (margins.size() != static_cast<std::size_t>(in[0].rank()))
    fail(ErrorCode::kInvalidModel, "{} margins do not fit the {} axes of {}", margins.size(),
         in[0].rank(), in[0].to_string());
  Extents out = in[0].dims();
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (margins[i] < 0 || margins[i] > (out[i] - 1) / 2)
      fail(ErrorCode::kInvalidModel, "a margin of {} on axis {} leaves nothing of {}", margins[i],
           i, in[0].to_string());
    out[i] -= 2 * margins[i];
  }
  return {Shape(std::move(out))};
}

void CropCenter::reference(ConstTensors x, Tensors y) const {
  if (y[0].shape.elements() == 0) return;
  const Extents strides = strides_of(x[0].shape);
  std::int64_t start = 0;
  for (std::size_t i = 0; i < margins.size(); ++i) start += margins[i] * strides[i];
  gather(x[0].data + start, y[0].shape.dims(), strides, 0, y[0].data);
}

std::string CropCenter::describe() const {
  return fmt::format("margins {}", fmt::join(margins, "x"));
}

}  // namespace kissa
