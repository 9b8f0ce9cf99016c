// Softmax in three passes, the second of which stores exp(x - m): rows are small enough for L1, and
// exp, not memory, bounds them.
#pragma once

#include "backends/cpu/kernels/math_inl.h"
#include "backends/cpu/kernels/softmax.h"

namespace kissa::cpu {
namespace {

void softmax_row(const float* src, float* dst, std::int64_t count) noexcept {
  const std::int64_t whole = count / kLanes * kLanes;
  const std::int64_t rest = count - whole;
  Vec best = broadcast(-kInfinity);
  for (std::int64_t i = 0; i < whole; i += kLanes) best = max(load(src + i), best);
  if (rest > 0) best = max(load_part(src + whole, rest, -kInfinity), best);
  const Vec largest = broadcast(largest_of(best));

  Vec sum = {};
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    const Vec y = exp(load(src + i) - largest);
    sum += y;
    store(dst + i, y);
  }
  if (rest > 0) {
    const Vec y = exp(load_part(src + whole, rest, -kInfinity) - largest);
    sum += y;
    store_part(dst + whole, y, rest);
  }
  const Vec factor = broadcast(1.0f / sum_of(sum));
  for (std::int64_t i = 0; i < whole; i += kLanes) store(dst + i, load(dst + i) * factor);
  if (rest > 0) store_part(dst + whole, load_part(dst + whole, rest, 0.0f) * factor, rest);
}

// Of as many columns as `read` and `write` take.
template <class Load, class Store>
KISSA_INLINE void softmax_lanes(std::int64_t extent, std::int64_t stride, const float* src,
                                float* dst, const Load& read, const Store& write) {
  Vec largest = broadcast(-kInfinity);
  for (std::int64_t k = 0; k < extent; ++k) largest = max(read(src + k * stride), largest);
  Vec sum = {};
  for (std::int64_t k = 0; k < extent; ++k) {
    const Vec y = exp(read(src + k * stride) - largest);
    sum += y;
    write(dst + k * stride, y);
  }
  const Vec factor = 1.0f / sum;
  for (std::int64_t k = 0; k < extent; ++k)
    write(dst + k * stride, read(dst + k * stride) * factor);
}

void softmax_columns(const float* src, float* dst, std::int64_t extent, std::int64_t stride,
                     std::int64_t columns) noexcept {
  std::int64_t i = 0;
  for (; i + kLanes <= columns; i += kLanes)
    softmax_lanes(
        extent, stride, src + i, dst + i, [](const float* p) { return load(p); },
        [](float* p, Vec v) { store(p, v); });
  if (i < columns)
    softmax_lanes(
        extent, stride, src + i, dst + i,
        [&](const float* p) { return load_part(p, columns - i, 0.0f); },
        [&](float* p, Vec v) { store_part(p, v, columns - i); });
}

constexpr SoftmaxKernels kSoftmaxKernels = {.row = softmax_row, .columns = softmax_columns};

}  // namespace
}  // namespace kissa::cpu
