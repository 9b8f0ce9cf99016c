// What the tactics of FP16 NHWC share.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backends/tactic.h"

namespace kissa::cuda {

inline constexpr Format kNhwcF16 = {.type = DataType::kF16, .layout = Layout::kNhwc};

// An epilogue that keeps a result within bounds.
struct Bounds {
  float low;
  float high;
};
// Nothing where the epilogue does something else, or would not leave a 0 as it is.
std::optional<Bounds> bounds_of(const Epilogue& epilogue);

// The bits of a float, rounded to FP16.
std::uint16_t half_bits(float value);

// A convolution's weight (K x C x taps) as the first operand of mma.sync m16n8k16:
// [block of 16 outputs][step][lane] 8 halves. `weight_at(k, row)` gives the element of output k at
// row (0 to 15) of the step; outputs behind `outputs` are 0.
const void* pack_fragments(
    WeightArena& weights, std::int64_t outputs, std::int64_t steps,
    const std::function<float(std::int64_t output, std::int64_t step, int row)>& weight_at);

// A bias of whole blocks of 16, 0 where there is none.
const float* pack_bias(WeightArena& weights, const float* bias, std::int64_t outputs);

// The index among Region::inputs or Region::outputs.
std::size_t index_in(const std::vector<int>& values, int value);

inline int to_int(std::int64_t value) { return static_cast<int>(value); }

// Why a shape is none of N, C, H, W whose numbers the kernels can count in 32 bits.
std::optional<std::string> refuse_shape(const Shape& shape);

}  // namespace kissa::cuda
