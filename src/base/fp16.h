// FP16: IEEE binary16.
#pragma once

#include <bit>
#include <cstdint>

namespace kissa {

// To nearest, ties to even; beyond 65504 infinity.
inline std::uint16_t to_fp16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000)  // not a number
    half = 0x7e00;
  else if (magnitude >= 0x477ff000)
    half = 0x7c00;
  else if (magnitude >= 0x38800000)  // the bias goes from 127 to 15
    half = (magnitude - (112U << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
  else  // beside 1/2 a float's last bit is worth 2^-24, as a subnormal half's
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000;
  return static_cast<std::uint16_t>(sign | half);
}

inline float from_fp16(std::uint16_t value) {
  const std::uint32_t magnitude = (value & 0x7fffU) << 13;
  std::uint32_t bits = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  if (magnitude >= 0x7c00U << 13) bits = magnitude | 0x7f800000;
  return std::bit_cast<float>(bits | (value & 0x8000U) << 16);
}

}  // namespace kissa
