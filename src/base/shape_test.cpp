#include "base/shape.h"

#include <gtest/gtest.h>

#include "kissa/error.h"

namespace kissa {
namespace {

TEST(ShapeTest, CountsElements) {
  EXPECT_EQ(Shape({2, 3, 4}).elements(), 24);
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape({2, 0}).elements(), 0);
  EXPECT_EQ(Shape({2, 3, 4}).product(1, 3), 12);
}

TEST(ShapeTest, RefusesWhatNoMachineHolds) {
  EXPECT_THROW(Shape({std::int64_t{1} << 20, std::int64_t{1} << 20}), Error);
  EXPECT_THROW(Shape({std::int64_t{1} << 62, 4}), Error);
  EXPECT_THROW(Shape({0, std::int64_t{1} << 62}), Error);
  EXPECT_THROW(Shape({-1}), Error);
  EXPECT_THROW(Shape(std::vector<std::int64_t>(33, 1)), Error);
}

TEST(ShapeTest, MapsAxes) {
  const Shape shape({2, 3, 4});
  EXPECT_EQ(shape.canonical_axis(-1), 2);
  EXPECT_EQ(shape.canonical_position(3), 3);
  EXPECT_THROW(shape.canonical_axis(3), Error);
  EXPECT_THROW(shape.canonical_axis(-4), Error);
}

TEST(ShapeTest, ReadsAsText) {
  EXPECT_EQ(Shape({1, 3, 224, 224}).to_string(), "1x3x224x224");
  EXPECT_EQ(Shape().to_string(), "scalar");
}

}  // namespace
}  // namespace kissa
