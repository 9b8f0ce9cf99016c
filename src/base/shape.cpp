#include "base/shape.h"

#include <fmt/ranges.h>

#include "base/error.h"

namespace kissa {

Shape::Shape(std::vector<std::int64_t> dims) : dims_(std::move(dims)) {
  if (rank() > kMaxRank)
    fail(ErrorCode::kInvalidModel, "a tensor of {} axes is over the limit of {}", rank(), kMaxRank);
  std::int64_t elements = 1;
  for (const std::int64_t dim : dims_) {
    if (dim < 0) fail(ErrorCode::kInvalidModel, "shape {} has a negative extent", to_string());
    if (dim == 0) continue;  // must not hide an overflow of the others' product
    if (elements > kMaxElements / dim)
      fail(ErrorCode::kInvalidModel, "shape {} has more than 2^36 elements", to_string());
    elements *= dim;
  }
}

Shape Shape::with(int axis, std::int64_t dim) const {
  std::vector<std::int64_t> dims = dims_;
  dims.at(static_cast<std::size_t>(axis)) = dim;
  return Shape(std::move(dims));
}

std::int64_t Shape::product(int begin, int end) const noexcept {
  std::int64_t product = 1;
  for (int axis = begin; axis < end; ++axis) product *= (*this)[axis];
  return product;
}

int Shape::canonical_axis(int axis) const {
  if (axis < -rank() || axis >= rank())
    fail(ErrorCode::kInvalidModel, "axis {} is out of range for shape {} of {} axes", axis,
         to_string(), rank());
  return axis < 0 ? axis + rank() : axis;
}

int Shape::canonical_position(int axis) const {
  return axis == rank() ? axis : canonical_axis(axis);
}

std::string Shape::to_string() const {
  return dims_.empty() ? "scalar" : fmt::format("{}", fmt::join(dims_, "x"));
}

std::int64_t legacy_dim(const Shape& shape, int index) noexcept {
  return index < shape.rank() ? shape[index] : 1;
}

}  // namespace kissa
