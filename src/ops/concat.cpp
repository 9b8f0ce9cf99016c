#include "ops/concat.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace kissa {
namespace {

// The bounds 0, points..., extent of a slice's parts.
std::vector<std::int64_t> bounds_of(const Slice& op, std::int64_t extent) {
  std::vector<std::int64_t> bounds = {0};
  if (op.points.empty()) {
    for (std::int64_t i = 1; i < op.outputs; ++i) bounds.push_back(extent / op.outputs * i);
  } else {
    bounds.insert(bounds.end(), op.points.begin(), op.points.end());
  }
  bounds.push_back(extent);
  return bounds;
}

}  // namespace

Shapes Concat::infer(const Shapes& in) const {
  if (in.empty()) fail(ErrorCode::kInvalidModel, "takes at least one input");
  const int along = in[0].canonical_axis(axis);
  std::int64_t extent = 0;
  for (const Shape& shape : in) {
    if (shape.rank() != in[0].rank() || shape.with(along, in[0][along]) != in[0])
      fail(ErrorCode::kInvalidModel, "cannot join {} and {} along axis {}", in[0].to_string(),
           shape.to_string(), along);
    extent += shape[along];
  }
  return {in[0].with(along, extent)};
}

void Concat::reference(ConstTensors x, Tensors y) const {
  const int along = y[0].shape.canonical_axis(axis);
  float* out = y[0].data;
  for (std::int64_t o = 0; o < y[0].shape.product(0, along); ++o) {
    for (const auto& [data, shape] : x) {
      const std::int64_t count = shape.product(along, shape.rank());
      out = std::copy_n(data + o * count, count, out);
    }
  }
}

std::string Concat::describe() const { return fmt::format("axis {}", axis); }

Shapes Slice::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  const int along = in[0].canonical_axis(axis);
  const std::int64_t extent = in[0][along];
  if (outputs < 1 || outputs > extent)
    fail(ErrorCode::kInvalidModel, "axis {} of shape {} cannot be cut into {} parts", along,
         in[0].to_string(), outputs);
  if (points.empty() && extent % outputs != 0)
    fail(ErrorCode::kInvalidModel, "axis {} of shape {} cannot be cut into {} equal parts", along,
         in[0].to_string(), outputs);
  if (!points.empty() && static_cast<std::int64_t>(points.size()) != outputs - 1)
    fail(ErrorCode::kInvalidModel, "{} outputs take {} slice points, not {}", outputs, outputs - 1,
         points.size());
  const auto bounds = bounds_of(*this, extent);
  Shapes out;
  for (std::size_t i = 1; i < bounds.size(); ++i) {
    if (bounds[i] <= bounds[i - 1])
      fail(ErrorCode::kInvalidModel, "slice points {} must rise and lie inside axis {} of shape {}",
           fmt::join(points, ", "), along, in[0].to_string());
    out.push_back(in[0].with(along, bounds[i] - bounds[i - 1]));
  }
  return out;
}

void Slice::reference(ConstTensors x, Tensors y) const {
  const int along = x[0].shape.canonical_axis(axis);
  const float* in = x[0].data;
  for (std::int64_t o = 0; o < x[0].shape.product(0, along); ++o) {
    for (const auto& [data, shape] : y) {
      const std::int64_t count = shape.product(along, shape.rank());
      std::copy_n(in, count, data + o * count);
      in += count;
    }
  }
}

std::string Slice::describe() const {
  return points.empty() ? fmt::format("axis {}, {} equal parts", axis, outputs)
                        : fmt::format("axis {}, at {}", axis, fmt::join(points, ", "));
}

}  // namespace kissa
