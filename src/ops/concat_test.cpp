#include "ops/concat.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Concat concat(int axis) {
  Concat op;
  op.axis = axis;
  return op;
}

Slice slice(int axis, std::int64_t outputs, std::vector<std::int64_t> points = {}) {
  Slice op;
  op.axis = axis;
  op.outputs = outputs;
  op.points = std::move(points);
  return op;
}

TEST(ConcatTest, JoinsAlongTheAxis) {
  const Literal a = {{2, 1, 2}, {1, 2, 3, 4}};
  const Literal b = {{2, 2, 2}, {5, 6, 7, 8, 9, 10, 11, 12}};
  EXPECT_EQ(infer(Concat(), {a.shape, b.shape}), Shapes{Shape({2, 3, 2})});
  EXPECT_THAT(evaluate(Concat(), {a, b}), ElementsAre(1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12));
  EXPECT_THAT(evaluate(concat(-1), {a, a}), ElementsAre(1, 2, 1, 2, 3, 4, 3, 4));
  EXPECT_THAT(evaluate(concat(0), {a, a}), ElementsAre(1, 2, 3, 4, 1, 2, 3, 4));
}

TEST(ConcatTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal(Concat(), {{2, 3, 4}, {2, 5, 5}}),
              AllOf(HasSubstr("2x3x4"), HasSubstr("2x5x5"), HasSubstr("axis 1")));
  EXPECT_THAT(refusal(Concat(), {{2, 3, 4}, {2, 3}}), HasSubstr("cannot join"));
  EXPECT_THAT(refusal(concat(3), {{2, 3, 4}}), HasSubstr("axis 3 is out of range"));
  EXPECT_THAT(refusal(Concat(), {}), HasSubstr("at least one input"));
  const Shape large = {1, std::int64_t{1} << 35};
  EXPECT_EQ(refusal(Concat(), {large, large}), "");
  EXPECT_THAT(refusal(Concat(), {large, large, large}), HasSubstr("2^36"));
}

TEST(SliceTest, CutsAtPoints) {
  const auto parts = evaluate_all(slice(1, 3, {1, 3}), {counting({2, 4})});
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_THAT(parts[0], ElementsAre(1, 5));
  EXPECT_THAT(parts[1], ElementsAre(2, 3, 6, 7));
  EXPECT_THAT(parts[2], ElementsAre(4, 8));
}

TEST(SliceTest, CutsIntoEqualParts) {
  const auto parts = evaluate_all(slice(-2, 2), {counting({1, 4, 2})});
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_THAT(parts[0], ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(parts[1], ElementsAre(5, 6, 7, 8));
}

TEST(SliceTest, RefusesWhatCannotBeCut) {
  EXPECT_THAT(refusal(slice(1, 3), {{1, 2, 6}}),
              AllOf(HasSubstr("axis 1"), HasSubstr("1x2x6"), HasSubstr("3")));
  EXPECT_THAT(refusal(slice(1, 4), {{1, 6}}), HasSubstr("4 equal parts"));
  EXPECT_THAT(refusal(slice(1, 2, {2}), {{1, 2}}), HasSubstr("must rise"));
  EXPECT_THAT(refusal(slice(1, 2, {0}), {{1, 2}}), HasSubstr("must rise"));
  EXPECT_THAT(refusal(slice(1, 3, {3, 2}), {{1, 6}}), HasSubstr("slice points 3, 2"));
  EXPECT_THAT(refusal(slice(1, 2, {-5}), {{1, 6}}), HasSubstr("must rise"));
  EXPECT_THAT(refusal(slice(1, 3, {2}), {{1, 6}}),
              HasSubstr("3 outputs take 2 slice points, not 1"));
  EXPECT_THAT(refusal(slice(1, 0), {{1, 6}}), HasSubstr("0 parts"));
  EXPECT_THAT(refusal(slice(1, INT64_MAX), {{1, 0}}), HasSubstr("cannot be cut"));
}

}  // namespace
}  // namespace kissa
