// Shape: the extents of a tensor, outermost first. Rank 0 is a scalar (one element).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace kissa {

class Shape {
 public:
  // Caffe's own limit on the rank of a blob.
  static constexpr int kMaxRank = 32;
  // 256 GiB in FP32: no machine that Kissa runs on holds a larger single tensor.
  static constexpr std::int64_t kMaxElements = std::int64_t{1} << 36;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::vector<std::int64_t>(dims)) {}
  // Throws kInvalidModel on a negative extent, too high a rank or more than kMaxElements elements,
  // counted without the extents of 0: no product of extents can overflow.
  explicit Shape(std::vector<std::int64_t> dims);

  int rank() const noexcept { return static_cast<int>(dims_.size()); }
  std::int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  // A copy in which `axis` has extent `dim`.
  Shape with(int axis, std::int64_t dim) const;
  std::int64_t elements() const noexcept { return product(0, rank()); }
  // The product of the extents of axes [begin, end).
  std::int64_t product(int begin, int end) const noexcept;
  // Maps a negative axis to rank + axis. Throws kInvalidModel outside [-rank, rank).
  int canonical_axis(int axis) const;
  // Like canonical_axis, but rank itself is allowed: a place between axes.
  int canonical_position(int axis) const;

  const std::vector<std::int64_t>& dims() const noexcept { return dims_; }
  std::string to_string() const;  // "1x3x224x224"; "scalar" for rank 0
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<std::int64_t> dims_;
};

// Caffe's legacy view of a blob of rank <= 4 as N, C, H, W: missing inner extents are 1.
std::int64_t legacy_dim(const Shape& shape, int index) noexcept;

}  // namespace kissa
