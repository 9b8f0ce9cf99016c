#include "base/fp16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kissa {
namespace {

// As IEEE 754 defines it.
float value_of(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  const float sign = half >> 15 != 0 ? -1.0f : 1.0f;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  if (exponent == 31 && fraction == 0) return sign * std::numeric_limits<float>::infinity();
  if (exponent == 31) return std::numeric_limits<float>::quiet_NaN();
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

TEST(Fp16, WidensExactly) {
  for (unsigned i = 0; i < 0x10000; ++i) {
    const auto half = static_cast<std::uint16_t>(i);
    if (std::isnan(value_of(half)))
      EXPECT_TRUE(std::isnan(from_fp16(half))) << i;
    else
      EXPECT_EQ(std::bit_cast<std::uint32_t>(from_fp16(half)),
                std::bit_cast<std::uint32_t>(value_of(half)))
          << i;
  }
}

TEST(Fp16, RoundsToNearestTiesToEven) {
  for (std::uint16_t low = 0; low < 0x7c00; ++low) {
    const auto high = static_cast<std::uint16_t>(low + 1);
    // Beyond the largest number the next would be 65536.
    const float above = high == 0x7c00 ? 65536.0f : value_of(high);
    const float middle = (value_of(low) + above) / 2.0f;
    const std::uint16_t even = low % 2 == 0 ? low : high;
    for (const unsigned sign : {0u, 0x8000u}) {
      const float factor = sign != 0 ? -1.0f : 1.0f;
      EXPECT_EQ(to_fp16(factor * value_of(low)), low | sign);
      EXPECT_EQ(to_fp16(factor * middle), even | sign);
      EXPECT_EQ(to_fp16(factor * std::nextafter(middle, 0.0f)), low | sign);
      EXPECT_EQ(to_fp16(factor * std::nextafter(middle, 1e6f)), high | sign);
    }
  }
}

TEST(Fp16, WhatIsTooLargeIsInfinityAndWhatIsNoNumberStaysSo) {
  EXPECT_EQ(to_fp16(65519.0f), 0x7bff);
  EXPECT_EQ(to_fp16(65520.0f), 0x7c00);
  EXPECT_EQ(to_fp16(-1e30f), 0xfc00);
  EXPECT_TRUE(std::isnan(from_fp16(to_fp16(std::numeric_limits<float>::quiet_NaN()))));
}

}  // namespace
}  // namespace kissa
