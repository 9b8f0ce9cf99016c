#include "ops/lrn.h"

#include <cmath>

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::FloatEq;
using testing::HasSubstr;
using testing::Pointwise;

Lrn lrn(std::int64_t size, float alpha, float beta, float k = 1.0f) {
  Lrn op;
  op.size = size;
  op.alpha = alpha;
  op.beta = beta;
  op.k = k;
  return op;
}

Lrn within(Lrn op) {
  op.region = LrnRegion::kWithinChannel;
  return op;
}

TEST(LrnTest, SumsSquaresOfNeighbouringChannels) {
  // Sums of squares of up to 3 channels: 5, 14, 29, 25; each over 3 and added to 2.
  EXPECT_THAT(evaluate(lrn(3, 1, 1, 2), {counting({1, 4, 1, 1})}),
              Pointwise(FloatEq(), {1 / (2 + 5 / 3.0f), 2 / (2 + 14 / 3.0f), 3 / (2 + 29 / 3.0f),
                                    4 / (2 + 25 / 3.0f)}));
}

TEST(LrnTest, RaisesToBeta) {
  EXPECT_THAT(evaluate(lrn(1, 3, 0.75f), {{{1, 1, 1, 2}, {1, 2}}}),
              Pointwise(FloatEq(), {std::pow(4.0f, -0.75f), 2 * std::pow(13.0f, -0.75f)}));
}

TEST(LrnTest, SumsSquaresOfNeighbouringPlaces) {
  // Of 2 x 2, a 3 x 3 window holds all: 30. Places outside count in the divisor 9; k does not.
  const float bracket = 1 + 0.9f * 30 / 9;
  EXPECT_THAT(evaluate(within(lrn(3, 0.9f, 1, 7)), {counting({1, 1, 2, 2})}),
              Pointwise(FloatEq(), {1 / bracket, 2 / bracket, 3 / bracket, 4 / bracket}));
}

TEST(LrnTest, CountsArithmetic) {
  // Channels of 5 with windows of 3: 2 + 3 + 3 + 3 + 2 taken in, at 2 x 6 places.
  EXPECT_EQ(arithmetic_of(lrn(3, 1, 1), {{2, 5, 2, 3}}), (Arithmetic{13 * 12 + 60, 120}));
  EXPECT_EQ(arithmetic_of(within(lrn(3, 1, 1)), {{2, 5, 2, 3}}),
            (Arithmetic{4 * 7 * 10 + 60, 120}));
}

TEST(LrnTest, AHugeSizeIsAsGoodAsAll) {
  const Literal x = counting({1, 4, 1, 1});
  const auto y = evaluate(lrn(INT64_MAX, 1, 1), {x});
  EXPECT_THAT(y, Pointwise(FloatEq(), x.data));
}

TEST(LrnTest, RefusesWhatCannotBe) {
  EXPECT_THAT(refusal(lrn(4, 1, 1), {{1, 2, 3, 4}}), HasSubstr("local_size 4 must be odd"));
  EXPECT_THAT(refusal(lrn(0, 1, 1), {{1, 2, 3, 4}}), HasSubstr("local_size 0"));
  EXPECT_THAT(refusal(lrn(-3, 1, 1), {{1, 2, 3, 4}}), HasSubstr("local_size -3"));
  EXPECT_THAT(refusal(lrn(3, 1, 1), {{1, 2, 3}}), HasSubstr("4 axes (N, C, H, W), not 1x2x3"));
}

}  // namespace
}  // namespace kissa
