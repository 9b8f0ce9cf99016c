// FP16: IEEE 754's half precision.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace kissa {

inline float from_fp16(std::uint16_t value) {
  const std::uint32_t sign = static_cast<std::uint32_t>(value & 0x8000u) << 16;
  const std::uint32_t exponent = (value >> 10) & 0x1fu;
  const std::uint32_t fraction = value & 0x3ffu;
  if (exponent == 0) {  // zero, or below the smallest normal number
    const float tiny = std::ldexp(static_cast<float>(fraction), -24);
    return sign == 0 ? tiny : -tiny;
  }
  const std::uint32_t wide = exponent == 0x1fu ? 0xffu : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

}  // namespace kissa
