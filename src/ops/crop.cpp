#include "ops/crop.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace kissa {
namespace {

// Where the cut starts on each axis of the input.
std::vector<std::int64_t> starts_of(const Crop& op, const Shape& in) {
  const int first = in.canonical_axis(op.axis);
  std::vector<std::int64_t> starts(static_cast<std::size_t>(in.rank()), 0);
  if (op.offsets.size() == 1) {
    std::fill(starts.begin() + first, starts.end(), op.offsets[0]);
  } else if (!op.offsets.empty()) {
    if (op.offsets.size() != static_cast<std::size_t>(in.rank() - first))
      fail(ErrorCode::kInvalidModel,
           "{} offsets do not fit the {} axes from axis {} on of shape {}", op.offsets.size(),
           in.rank() - first, first, in.to_string());
    std::copy(op.offsets.begin(), op.offsets.end(), starts.begin() + first);
  }
  return starts;
}

// Copies the box of axes [axis, end) whose first corner is at `starts`; returns the end of `out`.
float* copy_box(const float* in, const Shape& in_shape, const Shape& out_shape,
                const std::vector<std::int64_t>& starts, int axis, float* out) {
  if (axis == in_shape.rank()) {
    *out = *in;
    return out + 1;
  }
  const std::int64_t step = in_shape.product(axis + 1, in_shape.rank());
  const std::int64_t start = starts[static_cast<std::size_t>(axis)];
  for (std::int64_t i = start; i < start + out_shape[axis]; ++i)
    out = copy_box(in + i * step, in_shape, out_shape, starts, axis + 1, out);
  return out;
}

}  // namespace

Shapes Crop::infer(const Shapes& in) const {
  expect_inputs(in, 2);
  const int first = in[0].canonical_axis(axis);
  const auto starts = starts_of(*this, in[0]);
  if (in[1].rank() != in[0].rank())
    fail(ErrorCode::kInvalidModel, "cannot cut {} to {}: they differ in the number of axes",
         in[0].to_string(), in[1].to_string());
  Shape out = in[0];
  for (int i = first; i < in[0].rank(); ++i) {
    const std::int64_t start = starts[static_cast<std::size_t>(i)];
    if (start < 0 || start > in[0][i] - in[1][i])
      fail(ErrorCode::kInvalidModel, "cannot cut {} to {}: offset {} on axis {} leaves too little",
           in[0].to_string(), in[1].to_string(), start, i);
    out = out.with(i, in[1][i]);
  }
  return {out};
}

void Crop::reference(ConstTensors x, Tensors y) const {
  if (y[0].shape.elements() == 0) return;
  copy_box(x[0].data, x[0].shape, y[0].shape, starts_of(*this, x[0].shape), 0, y[0].data);
}

std::string Crop::describe() const {
  std::string text = fmt::format("from axis {} on", axis);
  return offsets.empty() ? text : text + fmt::format(", offset {}", fmt::join(offsets, "x"));
}

}  // namespace kissa
