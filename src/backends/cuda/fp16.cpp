#include "backends/cuda/fp16.h"

#include <cuda_fp16.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace kissa::cuda {

std::optional<Bounds> bounds_of(const Epilogue& epilogue) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (epilogue.has_residual) return std::nullopt;
  switch (epilogue.activation) {
    case Activation::kNone: return Bounds{-kInfinity, kInfinity};
    case Activation::kRelu:
      if (epilogue.low != 0.0f) return std::nullopt;
      return Bounds{0.0f, kInfinity};
    case Activation::kClip:
      if (epilogue.low > 0.0f || epilogue.high < 0.0f) return std::nullopt;
      return Bounds{epilogue.low, epilogue.high};
  }
  return std::nullopt;
}

std::uint16_t half_bits(float value) {
  const __half_raw raw = __float2half_rn(value);
  return raw.x;
}

const void* pack_fragments(
    WeightArena& weights, std::int64_t outputs, std::int64_t steps,
    const std::function<float(std::int64_t output, std::int64_t step, int row)>& weight_at) {
  const std::int64_t blocks = channel_blocks(outputs);
  return weights.add(blocks * steps * 512, [&](void* packed) {
    auto* to = static_cast<std::uint16_t*>(packed);
    for (std::int64_t block = 0; block < blocks; ++block) {
      for (std::int64_t step = 0; step < steps; ++step) {
        for (int lane = 0; lane < 32; ++lane) {
          for (int i = 0; i < 8; ++i) {
            const std::int64_t output = block * 16 + lane / 4 + i / 2 % 2 * 8;
            const int row = lane % 4 * 2 + i % 2 + i / 4 * 8;
            *to++ = half_bits(output < outputs ? weight_at(output, step, row) : 0.0f);
          }
        }
      }
    }
  });
}

const float* pack_bias(WeightArena& weights, const float* bias, std::int64_t outputs) {
  const std::int64_t count = channel_blocks(outputs) * kChannelBlock;
  return static_cast<const float*>(weights.add(count * 4, [&](void* packed) {
    auto* to = static_cast<float*>(packed);
    std::fill(to, to + count, 0.0f);
    if (bias != nullptr) std::copy(bias, bias + outputs, to);
  }));
}

std::size_t index_in(const std::vector<int>& values, int value) {
  return static_cast<std::size_t>(std::find(values.begin(), values.end(), value) - values.begin());
}

std::optional<std::string> refuse_shape(const Shape& shape) {
  if (shape.rank() != 4) return "not N, C, H, W";
  if (shape.elements() == 0) return "it is empty";
  if (shape[0] * (shape[1] + kChannelBlock) * shape[2] * shape[3] > INT32_MAX)
    return "a tensor is too large";
  return std::nullopt;
}

}  // namespace kissa::cuda
