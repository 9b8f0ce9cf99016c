#include "ops/view.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace kissa {
namespace {

// Follows Caffe, which counts a negative axis of a Reshape as a place between axes.
int first_replaced_axis(const Reshape& op, const Shape& in) {
  const int first = op.axis >= 0 ? op.axis : in.rank() + 1 + op.axis;
  if (first < 0 || first > in.rank())
    fail(ErrorCode::kInvalidModel, "axis {} is out of range for shape {} of {} axes", op.axis,
         in.to_string(), in.rank());
  return first;
}

// Behind the last replaced axis.
int end_of_replaced_axes(const Reshape& op, const Shape& in, int first) {
  if (op.num_axes == -1) return in.rank();
  if (op.num_axes < -1 || op.num_axes > in.rank() - first)
    fail(ErrorCode::kInvalidModel, "num_axes {} from axis {} on is out of range for shape {}",
         op.num_axes, first, in.to_string());
  return first + op.num_axes;
}

// The replaced axes' new extents, 0 resolved and -1 left in.
std::vector<std::int64_t> copy_extents(const Reshape& op, const Shape& in, int first) {
  std::vector<std::int64_t> dims = op.dims;
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    std::int64_t& dim = dims[static_cast<std::size_t>(i)];
    if (dim < -1) fail(ErrorCode::kInvalidModel, "a dim of {} is none of 0, -1 and positive", dim);
    if (dim != 0) continue;
    if (first + i >= in.rank())
      fail(ErrorCode::kInvalidModel, "dim {} is 0 (copy), but shape {} has no axis {} to copy", i,
           in.to_string(), first + i);
    dim = in[first + i];
  }
  return dims;
}

}  // namespace

void View::reference(ConstTensors x, Tensors y) const {
  std::copy_n(x[0].data, x[0].shape.elements(), y[0].data);
}

Shapes Identity::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  return in;
}

Shapes Flatten::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  const int first = in[0].canonical_axis(axis);
  const int last = in[0].canonical_axis(end_axis);
  if (last < first)
    fail(ErrorCode::kInvalidModel, "end_axis {} lies before axis {} of shape {}", end_axis, axis,
         in[0].to_string());
  std::vector<std::int64_t> dims(in[0].dims().begin(), in[0].dims().begin() + first);
  dims.push_back(in[0].product(first, last + 1));
  dims.insert(dims.end(), in[0].dims().begin() + last + 1, in[0].dims().end());
  return {Shape(std::move(dims))};
}

std::string Flatten::describe() const { return fmt::format("axes {} to {}", axis, end_axis); }

Shapes Reshape::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  const int first = first_replaced_axis(*this, in[0]);
  const int end = end_of_replaced_axes(*this, in[0], first);
  std::vector<std::int64_t> replaced = copy_extents(*this, in[0], first);
  std::vector<std::int64_t> result(in[0].dims().begin(), in[0].dims().begin() + first);
  result.insert(result.end(), replaced.begin(), replaced.end());
  result.insert(result.end(), in[0].dims().begin() + end, in[0].dims().end());

  const auto inferred = std::find(result.begin(), result.end(), -1);
  if (inferred != result.end()) {
    if (std::find(inferred + 1, result.end(), -1) != result.end())
      fail(ErrorCode::kInvalidModel, "more than one dim is -1 (take what is left)");
    *inferred = 1;
    const std::int64_t others = Shape(result).elements();
    if (others == 0 || in[0].elements() % others != 0)
      fail(ErrorCode::kInvalidModel,
           "shape {} of {} elements is not divisible by the other dims' product {}",
           in[0].to_string(), in[0].elements(), others);
    *inferred = in[0].elements() / others;
  }
  const Shape out(std::move(result));
  if (out.elements() != in[0].elements())
    fail(ErrorCode::kInvalidModel, "shape {} of {} elements cannot become {} of {}",
         in[0].to_string(), in[0].elements(), out.to_string(), out.elements());
  return {out};
}

std::string Reshape::describe() const {
  std::string text = fmt::format("to {}", fmt::join(dims, "x"));
  if (axis != 0 || num_axes != -1) text += fmt::format(", from axis {}", axis);
  if (num_axes != -1) text += fmt::format(", for {} axes", num_axes);
  return text;
}

}  // namespace kissa
