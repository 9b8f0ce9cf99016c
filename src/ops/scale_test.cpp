#include "ops/scale.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

template <class T>
T over(int axis, int num_axes) {
  T op;
  op.axis = axis;
  op.num_axes = num_axes;
  return op;
}

Scale with_bias(Scale op) {
  op.has_bias = true;
  return op;
}

const Literal kCount = counting({1, 2, 2});

TEST(ScaleTest, ScalesChannels) {
  EXPECT_THAT(evaluate(Scale(), {kCount}, {{{2}, {2, 10}}}), ElementsAre(2, 4, 30, 40));
  EXPECT_THAT(evaluate(with_bias(Scale()), {kCount}, {{{2}, {2, 10}}, {{2}, {1, -1}}}),
              ElementsAre(3, 5, 29, 39));
}

TEST(ScaleTest, ScalesOtherAxes) {
  EXPECT_THAT(evaluate(over<Scale>(-1, 1), {kCount}, {{{2}, {2, 10}}}), ElementsAre(2, 20, 6, 40));
  EXPECT_THAT(evaluate(over<Scale>(1, -1), {kCount}, {{{2, 2}, {1, 2, 3, 4}}}),
              ElementsAre(1, 4, 9, 16));
  EXPECT_THAT(evaluate(with_bias(over<Scale>(1, 0)), {kCount}, {{Shape(), {2}}, {Shape(), {1}}}),
              ElementsAre(3, 5, 7, 9));
}

TEST(ScaleTest, TakesTheScaleAsAnInput) {
  EXPECT_THAT(evaluate(Scale(), {kCount, {{2}, {2, 10}}}), ElementsAre(2, 4, 30, 40));
  EXPECT_THAT(evaluate(with_bias(Scale()), {kCount, {{2}, {2, 10}}}, {{{2}, {1, -1}}}),
              ElementsAre(3, 5, 29, 39));
  EXPECT_THAT(evaluate(over<Scale>(0, 1), {kCount, {{1, 2}, {2, 10}}}), ElementsAre(2, 4, 30, 40));
  EXPECT_THAT(evaluate(Scale(), {kCount, {Shape(), {3}}}), ElementsAre(3, 6, 9, 12));
}

TEST(ScaleTest, CountsArithmetic) {
  EXPECT_EQ(arithmetic_of(Scale(), {kCount.shape}), (Arithmetic{0, 4}));
  EXPECT_EQ(arithmetic_of(with_bias(Scale()), {kCount.shape}), (Arithmetic{4, 0}));
  EXPECT_EQ(arithmetic_of(Bias(), {kCount.shape}), (Arithmetic{0, 4}));
}

TEST(ScaleTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal(over<Scale>(2, 2), {{2, 3, 4}}), HasSubstr("num_axes 2 from axis 2 on"));
  EXPECT_THAT(refusal(over<Scale>(1, -2), {{2, 3, 4}}), HasSubstr("num_axes -2"));
  EXPECT_THAT(refusal(over<Scale>(1, INT32_MAX), {{2, 3, 4}}), HasSubstr("out of range"));
  EXPECT_THAT(refusal(over<Scale>(3, 1), {{2, 3, 4}}), HasSubstr("axis 3 is out of range"));
  EXPECT_THAT(refusal(Scale(), {{2, 3, 4}, {4}}), AllOf(HasSubstr("4 does not fit over 2x3x4")));
  EXPECT_THAT(refusal(Scale(), {{2, 3, 4}, {3, 4, 1}}), HasSubstr("3x4x1 does not fit"));
  EXPECT_THAT(refusal(Scale(), {{2}, {2}, {2}}), HasSubstr("not 3"));
  EXPECT_THAT(refusal(Bias(), {{2, 3, 4}, {4}}), HasSubstr("does not fit"));
}

TEST(BiasTest, Adds) {
  EXPECT_THAT(evaluate(Bias(), {kCount}, {{{2}, {10, 20}}}), ElementsAre(11, 12, 23, 24));
  EXPECT_THAT(evaluate(over<Bias>(2, 1), {kCount}, {{{2}, {10, 20}}}), ElementsAre(11, 22, 13, 24));
  EXPECT_THAT(evaluate(Bias(), {kCount, {{2}, {10, 20}}}), ElementsAre(11, 12, 23, 24));
}

}  // namespace
}  // namespace kissa
