#include "ops/mvn.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::Pointwise;

Mvn mvn(bool normalize_variance, bool across_channels, float eps) {
  Mvn op;
  op.normalize_variance = normalize_variance;
  op.across_channels = across_channels;
  op.eps = eps;
  return op;
}

const Literal kPlanes = {{1, 2, 2}, {1, 3, 10, 14}};

TEST(MvnTest, SubtractsTheMean) {
  EXPECT_THAT(evaluate(mvn(false, false, 0), {kPlanes}), ElementsAre(-1, 1, -2, 2));
  EXPECT_THAT(evaluate(mvn(false, true, 0), {kPlanes}), ElementsAre(-6, -4, 3, 7));
}

TEST(MvnTest, DividesByTheDeviationAndEps) {
  EXPECT_THAT(evaluate(mvn(true, false, 1), {kPlanes}),
              Pointwise(FloatEq(), {-0.5f, 0.5f, -2 / 3.0f, 2 / 3.0f}));
  // Squares 36 + 16 + 9 + 49 = 110.
  const float deviation = 5.2440442f;
  EXPECT_THAT(evaluate(mvn(true, true, 0), {kPlanes}),
              Pointwise(FloatEq(), {-6 / deviation, -4 / deviation, 3 / deviation, 7 / deviation}));
}

TEST(MvnTest, CountsArithmetic) {
  EXPECT_EQ(arithmetic_of(mvn(false, false, 0), {{2, 3, 5}}), (Arithmetic{0, 60 + 6}));
  EXPECT_EQ(arithmetic_of(mvn(true, true, 0), {{2, 3, 5}}), (Arithmetic{30, 90 + 8}));
}

TEST(MvnTest, TakesEmptyTensors) {
  EXPECT_THAT(evaluate(Mvn(), {{{2, 0, 3}, {}}}), ElementsAre());
  EXPECT_THAT(evaluate(Mvn(), {{{2, 3, 0}, {}}}), ElementsAre());
}

}  // namespace
}  // namespace kissa
