#include "backends/cpu/conv_bf16.h"

#include "base/bf16.h"

namespace kissa::cpu {

void to_pairs(const float* rows, std::int64_t channels, std::int64_t row, std::int64_t count,
              float* pairs) {
  const auto bits_of = [&](std::int64_t channel, std::int64_t i) -> std::uint32_t {
    return channel < channels ? to_bf16(rows[channel * row + i]) : 0;
  };
  for (std::int64_t p = 0; p < count; ++p)
    for (std::int64_t i = 0; i < row; ++i)
      pairs[p * row + i] = std::bit_cast<float>(bits_of(2 * p + 1, i) << 16 | bits_of(2 * p, i));
}

}  // namespace kissa::cpu
