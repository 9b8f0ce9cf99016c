// Which calls of cuBLAS give a convolution's products; no GPU and no cuBLAS needed.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "backends/cublas/product.h"

namespace kissa::cublas {
namespace {

using Places = std::vector<std::array<std::int64_t, 3>>;  // of a, b, c

Places expected_places(const cuda::GemmShape& s) {
  Places places;
  for (std::int64_t i = 0; i < s.batch; ++i)
    places.push_back({i % s.a_period * s.a_stride, i * s.b_stride, i * s.c_stride});
  return places;
}

Places places_of(const std::vector<Call>& calls) {
  Places places;
  for (const Call& call : calls)
    for (std::int64_t i = 0; i < call.batch; ++i)
      places.push_back(
          {call.a + i * call.a_stride, call.b + i * call.b_stride, call.c + i * call.c_stride});
  std::sort(places.begin(), places.end(), [](const auto& x, const auto& y) { return x[2] < y[2]; });
  return places;
}

TEST(CublasCalls, GiveEveryProductOnce) {
  for (const std::int64_t groups : {1, 2, 7})
    for (const std::int64_t images : {1, 2, 7, 17}) {
      const cuda::GemmShape shape = {.m = 3,
                                     .n = 5,
                                     .k = 4,
                                     .batch = groups * images,
                                     .a_period = groups,
                                     .a_stride = 12,
                                     .b_stride = 20,
                                     .c_stride = 15};
      const std::vector<Call> calls = calls_of(shape);
      EXPECT_EQ(places_of(calls), expected_places(shape)) << groups << " groups, " << images;
      EXPECT_EQ(static_cast<std::int64_t>(calls.size()), std::min(groups, images));
    }
  EXPECT_EQ(calls_of({.m = 3, .n = 5, .k = 4}).size(), 1U);
}

}  // namespace
}  // namespace kissa::cublas
