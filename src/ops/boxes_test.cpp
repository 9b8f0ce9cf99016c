#include "ops/boxes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(BoxesTest, OverlapIsIntersectionOverUnion) {
  EXPECT_FLOAT_EQ(overlap_of({0, 0, 2, 2}, {1, 1, 3, 3}, 0), 1.0f / 7);
  EXPECT_FLOAT_EQ(overlap_of({0, 0, 1, 1}, {1, 1, 2, 2}, 1), 1.0f / 7);  // whole pixels
  EXPECT_EQ(overlap_of({0, 0, 1, 1}, {1, 0, 2, 1}, 0), 0);
  EXPECT_EQ(area_of({2, 0, 1, 1}, 0), 0);
}

const std::vector<Box> kBoxes = {{0, 0, 10, 10}, {0, 0, 10, 9}, {0, 0, 10, 5}, {20, 0, 30, 10}};

TEST(BoxesTest, SuppressionDropsWhatOverlapsMore) {
  EXPECT_THAT(suppress(kBoxes, {0, 1, 2, 3}, {.threshold = 0.5f}), ElementsAre(0, 2, 3));
  EXPECT_THAT(suppress(kBoxes, {0, 1, 2, 3}, {.threshold = 0.4f}), ElementsAre(0, 3));
  EXPECT_THAT(suppress(kBoxes, {2, 0, 1, 3}, {.threshold = 0.5f, .most = 1}), ElementsAre(2));
}

TEST(BoxesTest, EtaMakesTheThresholdShrink) {
  EXPECT_THAT(suppress(kBoxes, {0, 1, 2, 3}, {.threshold = 0.95f}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(suppress(kBoxes, {0, 1, 2, 3}, {.threshold = 0.95f, .eta = 0.9f}),
              ElementsAre(0, 2, 3));
}

TEST(BoxesTest, BestFirstAndEqualOnesInOrder) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(best_first({1, 3, nan, 3, 0.5f}, 0.5f, -1), ElementsAre(1, 3, 0));
  EXPECT_THAT(best_first({1, 3, nan, 3, 0.5f}, 0.5f, 2), ElementsAre(1, 3));
  EXPECT_THAT(best_first({1, 3}, 4, 2), IsEmpty());
}

}  // namespace
}  // namespace kissa
