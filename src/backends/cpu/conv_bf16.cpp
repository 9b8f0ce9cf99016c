#include "backends/cpu/conv_bf16.h"

#include <cstring>

#include "base/fp16.h"

namespace kissa::cpu {

void to_pairs(const float* rows, std::int64_t channels, std::int64_t row, std::int64_t count,
              float* pairs) {
  const auto value = [&](std::int64_t channel, std::int64_t i) {
    return channel < channels ? rows[channel * row + i] : 0.0f;
  };
  for (std::int64_t p = 0; p < count; ++p)
    for (std::int64_t i = 0; i < row; ++i)
      pairs[p * row + i] = to_pair(value(2 * p, i), value(2 * p + 1, i));
}

void to_fp16(const std::vector<float>& values, float* halves) {
  auto* to = reinterpret_cast<char*>(halves);
  for (const float value : values) {
    const std::uint16_t half = kissa::to_fp16(value);
    std::memcpy(to, &half, sizeof half);
    to += sizeof half;
  }
}

}  // namespace kissa::cpu
