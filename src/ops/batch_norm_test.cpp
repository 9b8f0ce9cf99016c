#include "ops/batch_norm.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

BatchNorm batch_norm(float eps, bool use_global_stats) {
  BatchNorm op;
  op.eps = eps;
  op.use_global_stats = use_global_stats;
  return op;
}

// Stored statistics are sums that the scale factor divides: means 1 and 2, variances 3 and 8.
std::vector<Literal> stored() { return {{{2}, {4, 8}}, {{2}, {12, 32}}, {{1}, {4}}}; }

TEST(BatchNormTest, NormalisesByStoredStatistics) {
  const Literal x = {{1, 2, 2}, {1, 3, 2, 8}};
  EXPECT_THAT(evaluate(batch_norm(1.0f, true), {x}, stored()),
              Pointwise(testing::FloatEq(), {0.0f, 1.0f, 0.0f, 2.0f}));
}

TEST(BatchNormTest, AScaleFactorOfZeroMeansNoStatistics) {
  auto params = stored();
  params[2].data = {0};
  EXPECT_THAT(evaluate(batch_norm(0.25f, true), {{{1, 2}, {1, 3}}}, params),
              Pointwise(testing::FloatEq(), {2.0f, 6.0f}));
}

TEST(BatchNormTest, NormalisesByStatisticsOfTheBatch) {
  // Channel 0: 1, 3, 5, 7 (mean 4, variance 5); channel 1: 2, 2, 2, 2.
  const Literal x = {{2, 2, 2}, {1, 3, 2, 2, 5, 7, 2, 2}};
  EXPECT_THAT(
      evaluate(batch_norm(4.0f, false), {x}, stored()),
      Pointwise(FloatNear(1e-6f), {-1.0f, -1.0f / 3, 0.0f, 0.0f, 1.0f / 3, 1.0f, 0.0f, 0.0f}));
}

TEST(BatchNormTest, OneAxisIsOneChannel) {
  const auto params = params_of(BatchNorm(), {{5}});
  EXPECT_EQ(params[0].shape, Shape({1}));
  EXPECT_THAT(
      evaluate(batch_norm(0.0f, false), {{{2}, {1, 3}}}, {{{1}, {0}}, {{1}, {0}}, {{1}, {0}}}),
      Pointwise(testing::FloatEq(), {-1.0f, 1.0f}));
}

TEST(BatchNormTest, IsElementwiseOnlyByStoredStatistics) {
  EXPECT_TRUE(is_elementwise(BatchNorm()));
  EXPECT_FALSE(is_elementwise(batch_norm(0.0f, false)));
}

TEST(BatchNormTest, CountsArithmetic) {
  EXPECT_EQ(arithmetic_of(BatchNorm(), {{2, 3, 5}}), (Arithmetic{0, 2 * 30 + 4 * 3}));
  EXPECT_EQ(arithmetic_of(batch_norm(0.0f, false), {{2, 3, 5}}), (Arithmetic{30, 4 * 30 + 4 * 3}));
}

TEST(BatchNormTest, RefusesANumber) {
  EXPECT_THAT(refusal(BatchNorm(), {Shape()}), HasSubstr("at least one axis"));
}

}  // namespace
}  // namespace kissa
