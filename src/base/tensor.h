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
  kRowMajor,   // outermost axis first, no padding: Caffe's own (NCHW for images)
  kBlocked16,  // N, C, H, W as N, ceil(C / 16), H, W, 16; the lanes behind C hold zeros
  kBlocked32,  // the same with blocks of 32: a pixel of a block takes 64 bytes in BF16, too
  kNhwc,       // N, C, H, W as N, H, W, ceil(C / 16) 16; the lanes behind C hold zeros
};

inline constexpr std::int64_t kChannelBlock = 16;  // of kBlocked16 and kNhwc

// Channels of a block; 1 for a layout without.
constexpr std::int64_t block_channels(Layout layout) {
  switch (layout) {
    case Layout::kRowMajor: return 1;
    case Layout::kBlocked16:
    case Layout::kNhwc: return kChannelBlock;
    case Layout::kBlocked32: return 2 * kChannelBlock;
  }
  return 1;
}

// Whether channels come in blocks, and memory holds whole ones.
constexpr bool is_blocked(Layout layout) { return layout != Layout::kRowMajor; }

constexpr std::int64_t channel_blocks(std::int64_t channels, std::int64_t block = kChannelBlock) {
  return (channels + block - 1) / block;
}

// What a tensor's elements are and how they lie.
struct Format {
  DataType type = DataType::kF32;
  Layout layout = Layout::kRowMajor;
  friend bool operator==(const Format&, const Format&) = default;
};

struct TensorDesc {
  Shape shape = {};
  Format format = {};
  // Elements from one image (index of the outermost axis) to the next; more than one image holds
  // where the tensor is a slice of a larger one. Meaningful only for blocks.
  std::int64_t image_stride = 0;
  // The same from one pixel to the next. Meaningful only for kNhwc.
  std::int64_t pixel_stride = 0;

  // Elements of one image, with padding lanes. Blocked layouts only.
  std::int64_t image_elements() const {
    const std::int64_t block = block_channels(format.layout);
    return channel_blocks(shape[1], block) * block * shape[2] * shape[3];
  }
  // Of a dense tensor.
  std::int64_t bytes() const {
    const std::int64_t elements =
        is_blocked(format.layout) ? shape[0] * image_elements() : shape.elements();
    return elements * size_of(format.type);
  }
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
