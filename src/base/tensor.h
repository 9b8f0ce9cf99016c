// TensorDesc describes memory and owns none; ConstTensor and Tensor are views of FP32 memory in
// row-major (NCHW) order, as the references see it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/shape.h"

namespace kissa {

enum class DataType { kF32, kF16, kBF16, kI8 };

constexpr std::int64_t size_of(DataType type) {
  switch (type) {
    case DataType::kF32: return 4;
    case DataType::kF16:
    case DataType::kBF16: return 2;
    case DataType::kI8: return 1;
  }
  return 0;
}

// How the elements of a tensor lie in memory.
enum class Layout {
  kRowMajor,  // outermost axis first, no padding: Caffe's own (NCHW for images)
};

struct TensorDesc {
  DataType type = DataType::kF32;
  Shape shape;
  Layout layout = Layout::kRowMajor;

  std::int64_t bytes() const { return shape.elements() * size_of(type); }
  friend bool operator==(const TensorDesc&, const TensorDesc&) = default;
};

struct ConstTensor {
  const float* data;
  const Shape& shape;
};

struct Tensor {
  float* data;
  const Shape& shape;
};

}  // namespace kissa
