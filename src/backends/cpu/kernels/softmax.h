// Softmax (ops/softmax.h) of FP32.
#pragma once

#include <cstdint>

namespace kissa::cpu {

struct SoftmaxKernels {
  // Of `count` neighbouring elements.
  void (*row)(const float* src, float* dst, std::int64_t count) noexcept;
  // Of `columns` neighbouring columns of `extent` elements, `stride` floats apart.
  void (*columns)(const float* src, float* dst, std::int64_t extent, std::int64_t stride,
                  std::int64_t columns) noexcept;
};

}  // namespace kissa::cpu
