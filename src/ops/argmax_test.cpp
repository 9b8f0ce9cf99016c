#include "ops/argmax.h"

#include <limits>

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

ArgMax argmax(std::optional<int> axis, std::int64_t top_k, bool out_max_val) {
  ArgMax op;
  op.axis = axis;
  op.top_k = top_k;
  op.out_max_val = out_max_val;
  return op;
}

TEST(ArgMaxTest, TakesEachItemAsOneRow) {
  const Literal x = {{2, 2, 2}, {1, 7, 3, 5, 9, 2, 8, 4}};
  EXPECT_THAT(evaluate(ArgMax(), {x}), ElementsAre(1, 0));
  EXPECT_THAT(evaluate(argmax({}, 2, false), {x}), ElementsAre(1, 3, 0, 2));
}

TEST(ArgMaxTest, WritesIndicesThenValues) {
  EXPECT_THAT(evaluate(argmax({}, 2, true), {{{2, 3}, {1, 7, 3, 9, 2, 8}}}),
              ElementsAre(1, 2, 7, 3, 0, 2, 9, 8));
}

TEST(ArgMaxTest, ShapesWithoutAxisHaveAtLeastThreeAxes) {
  EXPECT_EQ(infer_one(ArgMax(), {4}), Shape({4, 1, 1}));
  EXPECT_EQ(infer_one(argmax({}, 3, false), {2, 5}), Shape({2, 1, 3}));
  EXPECT_EQ(infer_one(argmax({}, 3, true), {2, 5}), Shape({2, 2, 3}));
  EXPECT_EQ(infer_one(argmax({}, 3, true), {2, 5, 4, 4}), Shape({2, 2, 3, 1}));
}

TEST(ArgMaxTest, ComparesAlongAnAxis) {
  const Literal x = {{1, 3, 2}, {1, 6, 5, 4, 3, 2}};
  EXPECT_EQ(infer_one(argmax(1, 2, false), x.shape), Shape({1, 2, 2}));
  EXPECT_THAT(evaluate(argmax(1, 2, false), {x}), ElementsAre(1, 0, 2, 1));
  EXPECT_THAT(evaluate(argmax(1, 2, true), {x}), ElementsAre(5, 6, 3, 4));
  EXPECT_THAT(evaluate(argmax(-1, 1, false), {x}), ElementsAre(1, 0, 0));
}

TEST(ArgMaxTest, OfEqualsTheLaterComesFirst) {
  EXPECT_THAT(evaluate(argmax({}, 3, false), {{{1, 4}, {5, 1, 5, 5}}}), ElementsAre(3, 2, 0));
}

TEST(ArgMaxTest, NanComesLast) {
  EXPECT_THAT(evaluate(argmax({}, 4, false), {{{1, 4}, {kNan, 1, kNan, 2}}}),
              ElementsAre(3, 1, 2, 0));
}

TEST(ArgMaxTest, RefusesImpossibleCounts) {
  EXPECT_THAT(refusal(argmax({}, 7, false), {{2, 3, 2}}), HasSubstr("top_k 7 must be in 1 to 6"));
  EXPECT_THAT(refusal(argmax(2, 3, false), {{2, 3, 2}}), HasSubstr("1 to 2"));
  EXPECT_THAT(refusal(argmax({}, 0, false), {{2, 3}}), HasSubstr("top_k 0"));
  EXPECT_THAT(refusal(argmax(3, 1, false), {{2, 3, 2}}), HasSubstr("axis 3 is out of range"));
  EXPECT_THAT(refusal(ArgMax(), {Shape()}), HasSubstr("at least one axis"));
  EXPECT_THAT(refusal(ArgMax(), {{2, 3}, {2, 3}}), HasSubstr("takes 1 input"));
}

}  // namespace
}  // namespace kissa
