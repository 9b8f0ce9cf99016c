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

void to_pairs(const float* rows, std::int64_t channels, std::int64_t row, float* pairs) {
  for (std::int64_t c = 0; c < channels; c += 2) {
    const float* low = rows + c * row;
    const float* high = c + 1 < channels ? low + row : nullptr;
    for (std::int64_t i = 0; i < row; ++i) {
      const std::uint32_t upper = high != nullptr ? rounded(high[i]) : 0;
      pairs[c / 2 * row + i] = std::bit_cast<float>(upper << 16 | rounded(low[i]));
    }
  }
}

}  // namespace kissa::cpu
