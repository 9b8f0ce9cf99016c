#include "ops/window.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;

using Extents = std::vector<std::int64_t>;

TEST(WindowTest, CountsPlaces) {
  const Extents kernel = {3, 1}, stride = {2, 3}, pad = {1, 0}, dilation = {2, 1};
  EXPECT_THAT(window_places({kernel, stride, pad, dilation}, {7, 8}), ElementsAre(3, 3));
}

TEST(WindowTest, FindsTapsInside) {
  const Extents kernel = {3, 2}, stride = {2, 2}, pad = {1, 1}, dilation = {1, 2};
  const Extents image = {3, 4}, places = {2, 2};
  const auto at = [&](std::int64_t place) {
    std::vector<std::pair<std::int64_t, std::int64_t>> taps;
    for (const Tap& tap : taps_inside({kernel, stride, pad, dilation}, place, places, image))
      taps.emplace_back(tap.tap, tap.pixel);
    return taps;
  };
  // Rows -1 0 1 and columns -1 1 of the image; then columns 1 3; then rows 1 2 3.
  EXPECT_THAT(at(0), ElementsAre(std::pair(3, 1), std::pair(5, 5)));
  EXPECT_THAT(at(1),
              ElementsAre(std::pair(2, 1), std::pair(3, 3), std::pair(4, 5), std::pair(5, 7)));
  EXPECT_THAT(at(2), ElementsAre(std::pair(1, 5), std::pair(3, 9)));
}

TEST(WindowTest, TakesThirtyTwoBitsOnly) {
  EXPECT_NO_THROW(check_window(kMaxWindow, kMaxWindow, kMaxWindow, kMaxWindow));
  EXPECT_THROW(check_window(kMaxWindow + 1, 1, 0), Error);
  EXPECT_THROW(check_window(1, kMaxWindow + 1, 0), Error);
  EXPECT_THROW(check_window(1, 1, kMaxWindow + 1), Error);
  EXPECT_THROW(check_window(1, 1, 0, INT64_MAX), Error);
  EXPECT_THROW(check_window(0, 1, 0), Error);
  EXPECT_THROW(check_window(1, 0, 0), Error);
  EXPECT_THROW(check_window(1, 1, -1), Error);
  EXPECT_THROW(check_window(1, 1, 0, 0), Error);
}

TEST(WindowTest, HugeParametersNeitherOverflowNorHang) {
  const Extents huge = {kMaxWindow}, one = {1}, two = {2};
  EXPECT_THAT(window_places({one, huge, huge, one}, {1}), ElementsAre(3));
  EXPECT_THAT(window_places({two, huge, huge, huge}, {1}), ElementsAre(2));
  const auto taps = taps_inside({two, huge, huge, huge}, 1, {2}, {1});
  ASSERT_EQ(taps.size(), 1u);
  EXPECT_EQ(taps[0].tap, 0);
  EXPECT_THROW(window_places({huge, one, one, huge}, {1}), Error);
}

}  // namespace
}  // namespace kissa
