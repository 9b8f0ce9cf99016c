#include "backends/cpu/conv_bf16.h"

#include <bit>
#include <cmath>

namespace kissa::cpu {
namespace {

std::uint32_t rounded(float value) {
  auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return bits >> 16 | 0x40;  // the carry could make it infinite
  bits += 0x7fff + (bits >> 16 & 1);
  return bits >> 16;
}

}  // namespace

void to_pairs(const float* rows, std::int64_t channels, std::int64_t row, std::int64_t count,
              float* pairs) {
  const auto bits_of = [&](std::int64_t channel, std::int64_t i) {
    return channel < channels ? rounded(rows[channel * row + i]) : 0;
  };
  for (std::int64_t p = 0; p < count; ++p)
    for (std::int64_t i = 0; i < row; ++i)
      pairs[p * row + i] = std::bit_cast<float>(bits_of(2 * p + 1, i) << 16 | bits_of(2 * p, i));
}

}  // namespace kissa::cpu
