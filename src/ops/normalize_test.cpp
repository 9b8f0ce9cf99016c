#include "ops/normalize.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;

TEST(NormalizeTest, DividesByTheNormOfThePlace) {
  Normalize op;
  op.across_spatial = false;
  op.channel_shared = false;
  const auto y = evaluate(op, {{{1, 2, 1, 2}, {3, 5, 4, 12}}}, {{{2}, {1, 10}}});
  EXPECT_THAT(y, ElementsAre(FloatEq(0.6f), FloatEq(5.0f / 13), FloatEq(8), FloatEq(120.0f / 13)));
}

TEST(NormalizeTest, DividesByTheNormOfTheItem) {
  const auto y = evaluate(Normalize(), {{{2, 2, 1}, {3, 4, 0, 2}}}, {{{1}, {5}}});
  EXPECT_THAT(y, ElementsAre(FloatEq(3), FloatEq(4), 0, FloatEq(5)));
}

TEST(NormalizeTest, EpsIsUnderTheRoot) {
  Normalize op;
  op.eps = 16;
  EXPECT_THAT(evaluate(op, {{{1, 1}, {3}}}, {{{1}, {1}}}), ElementsAre(FloatEq(0.6f)));
  EXPECT_THAT(refusal(op, {{3}}), HasSubstr("2 axes"));
}

}  // namespace
}  // namespace kissa
