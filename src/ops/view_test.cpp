#include "ops/view.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Flatten flatten(int axis, int end_axis) {
  Flatten op;
  op.axis = axis;
  op.end_axis = end_axis;
  return op;
}

Reshape reshape(std::vector<std::int64_t> dims, int axis = 0, int num_axes = -1) {
  Reshape op;
  op.dims = std::move(dims);
  op.axis = axis;
  op.num_axes = num_axes;
  return op;
}

TEST(ViewTest, CopiesTheInput) {
  EXPECT_THAT(evaluate(Identity(), {counting({2, 2})}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(evaluate(reshape({4}), {counting({2, 2})}), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(is_view(Identity()) && is_view(Flatten()) && is_view(Reshape()));
}

TEST(FlattenTest, MakesOneAxis) {
  EXPECT_EQ(infer_one(Flatten(), {2, 3, 4, 5}), Shape({2, 60}));
  EXPECT_EQ(infer_one(flatten(-3, -2), {2, 3, 4, 5}), Shape({2, 12, 5}));
  EXPECT_EQ(infer_one(flatten(0, -1), {2, 3}), Shape({6}));
  EXPECT_EQ(infer_one(flatten(1, 1), {2, 3}), Shape({2, 3}));
}

TEST(FlattenTest, RefusesAxesOutOfOrder) {
  EXPECT_THAT(refusal(flatten(2, 1), {{2, 3, 4}}), HasSubstr("end_axis 1 lies before axis 2"));
  EXPECT_THAT(refusal(flatten(3, -1), {{2, 3, 4}}), HasSubstr("axis 3 is out of range"));
  EXPECT_THAT(refusal(Flatten(), {Shape()}), HasSubstr("out of range"));
}

TEST(ReshapeTest, CopiesAndInfersExtents) {
  EXPECT_EQ(infer_one(reshape({0, 2, -1, 4}), {2, 8, 3, 4}), Shape({2, 2, 12, 4}));
  EXPECT_EQ(infer_one(reshape({0, 0, 12}), {2, 8, 3, 4}), Shape({2, 8, 12}));
  EXPECT_EQ(infer_one(reshape({-1}), {2, 3, 4}), Shape({24}));
  EXPECT_EQ(infer_one(reshape({}), {1, 1}), Shape());
}

TEST(ReshapeTest, ReplacesSomeAxes) {
  EXPECT_EQ(infer_one(reshape({2, 3}, 1, 1), {2, 6, 3}), Shape({2, 2, 3, 3}));
  EXPECT_EQ(infer_one(reshape({2, -1}, 1, 1), {2, 6, 3}), Shape({2, 2, 3, 3}));
  EXPECT_EQ(infer_one(reshape({1}, 1, 0), {2, 6, 3}), Shape({2, 1, 6, 3}));
  EXPECT_EQ(infer_one(reshape({1, 1}, -1, 0), {2, 6, 3}), Shape({2, 6, 3, 1, 1}));
  EXPECT_EQ(infer_one(reshape({0, -1}, 1), {2, 6, 3}), Shape({2, 6, 3}));
}

TEST(ReshapeTest, RefusesWhatDoesNotDivide) {
  EXPECT_THAT(refusal(reshape({5, -1}), {{1, 2, 6, 6}}),
              AllOf(HasSubstr("1x2x6x6 of 72 elements"), HasSubstr("product 5")));
  EXPECT_THAT(refusal(reshape({5, 7}), {{1, 2, 6, 6}}),
              AllOf(HasSubstr("of 72 elements"), HasSubstr("5x7 of 35")));
  EXPECT_THAT(refusal(reshape({-1, -1}), {{4}}), HasSubstr("more than one dim is -1"));
  EXPECT_THAT(refusal(reshape({-2}), {{4}}), HasSubstr("-2"));
  EXPECT_THAT(refusal(reshape({0, -1}), {{0, 4}}), HasSubstr("product 0"));
  EXPECT_THAT(refusal(reshape({4, 0}), {{4}}), HasSubstr("no axis 1 to copy"));
}

TEST(ReshapeTest, RefusesAxesOutOfRange) {
  EXPECT_THAT(refusal(reshape({4}, 2), {{4}}), HasSubstr("axis 2 is out of range"));
  EXPECT_THAT(refusal(reshape({4}, -3), {{4}}), HasSubstr("axis -3 is out of range"));
  EXPECT_THAT(refusal(reshape({4}, 0, 2), {{4}}), HasSubstr("num_axes 2"));
  EXPECT_THAT(refusal(reshape({4}, INT32_MIN, INT32_MAX), {{4}}), HasSubstr("out of range"));
  EXPECT_THAT(refusal(reshape({4}, 0, -2), {{4}}), HasSubstr("num_axes -2"));
}

TEST(ReshapeTest, RefusesHugeDims) {
  EXPECT_THAT(refusal(reshape({INT64_MAX, INT64_MAX, -1}), {{4}}), HasSubstr("2^36"));
  EXPECT_THAT(refusal(reshape(std::vector<std::int64_t>(100, 1)), {{1}}), HasSubstr("100 axes"));
}

}  // namespace
}  // namespace kissa
