#include "ops/elementwise.h"

#include <cmath>
#include <limits>

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;
using testing::NanSensitiveFloatEq;
using testing::Pointwise;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> apply(const Op& op, const std::vector<float>& x) {
  return evaluate(op, {{Shape({static_cast<std::int64_t>(x.size())}), x}});
}

template <class T>
T with_base(float base, float scale, float shift) {
  T op;
  op.base = base;
  op.scale = scale;
  op.shift = shift;
  return op;
}

Power raised(float exponent, float scale, float shift) {
  Power op;
  op.power = exponent;
  op.scale = scale;
  op.shift = shift;
  return op;
}

TEST(ElementwiseTest, AbsVal) { EXPECT_THAT(apply(AbsVal(), {-2, 0, 3}), ElementsAre(2, 0, 3)); }

TEST(ElementwiseTest, Bnll) {
  EXPECT_THAT(apply(Bnll(), {0, 1, -1, 500, -500}),
              Pointwise(FloatEq(), {0.69314718f, 1.3132617f, 0.31326169f, 500.0f, 0.0f}));
}

TEST(ElementwiseTest, Clip) {
  Clip op;
  op.min = -1;
  op.max = 6;
  EXPECT_THAT(apply(op, {-2, -1, 0.5f, 6, 7}), ElementsAre(-1, -1, 0.5f, 6, 6));
}

TEST(ElementwiseTest, Elu) {
  Elu op;
  op.alpha = 2;
  EXPECT_THAT(apply(op, {3, 0, -1}), Pointwise(FloatEq(), {3.0f, 0.0f, -1.2642411f}));
}

TEST(ElementwiseTest, Exp) {
  EXPECT_THAT(apply(Exp(), {0, 1}), Pointwise(FloatEq(), {1.0f, 2.7182818f}));
  EXPECT_THAT(apply(with_base<Exp>(2, 3, 1), {0, 1, -1}),
              Pointwise(FloatEq(), {2.0f, 16.0f, 0.25f}));
}

TEST(ElementwiseTest, Log) {
  EXPECT_THAT(apply(Log(), {1, 2.7182818f}), Pointwise(FloatEq(), {0.0f, 1.0f}));
  EXPECT_THAT(apply(with_base<Log>(10, 90, 10), {0, 1}), Pointwise(FloatEq(), {1.0f, 2.0f}));
}

TEST(ElementwiseTest, BasesMustMakeSense) {
  EXPECT_THAT(refusal(with_base<Exp>(0, 1, 0), {{2}}), HasSubstr("base 0 must be positive"));
  EXPECT_THAT(refusal(with_base<Exp>(-2, 1, 0), {{2}}), HasSubstr("base -2"));
  EXPECT_THAT(refusal(with_base<Log>(1, 1, 0), {{2}}), HasSubstr("base 1 must be"));
  EXPECT_THAT(refusal(with_base<Log>(0, 1, 0), {{2}}), HasSubstr("base 0"));
  EXPECT_EQ(refusal(with_base<Exp>(1, 1, 0), {{2}}), "");
}

TEST(ElementwiseTest, Power) {
  EXPECT_THAT(apply(Power(), {-1.5f, 2}), ElementsAre(-1.5f, 2));
  EXPECT_THAT(apply(raised(2, 3, 1), {1, -1}), ElementsAre(16, 4));
  EXPECT_THAT(apply(raised(0.5f, 1, 0), {4, -1}),
              Pointwise(NanSensitiveFloatEq(), {2.0f, std::nanf("")}));
  EXPECT_THAT(apply(raised(3, 0, 2), {1, kInfinity}), ElementsAre(8, 8));
  EXPECT_THAT(apply(raised(0, 1, 0), {0, 5}), ElementsAre(1, 1));
}

TEST(ElementwiseTest, Relu) {
  EXPECT_THAT(apply(Relu(), {-2, 0, 3}), ElementsAre(0, 0, 3));
  Relu leaky;
  leaky.negative_slope = 0.25f;
  EXPECT_THAT(apply(leaky, {-2, 0, 3}), ElementsAre(-0.5f, 0, 3));
}

TEST(ElementwiseTest, Sigmoid) {
  EXPECT_THAT(apply(Sigmoid(), {0, 2, -500, 500}),
              Pointwise(FloatEq(), {0.5f, 0.88079708f, 0.0f, 1.0f}));
}

TEST(ElementwiseTest, Swish) {
  EXPECT_THAT(apply(Swish(), {0, 2, -2}), Pointwise(FloatEq(), {0.0f, 1.7615942f, -0.23840584f}));
  Swish op;
  op.beta = 2;
  EXPECT_THAT(apply(op, {1}), Pointwise(FloatEq(), {0.88079708f}));
}

TEST(ElementwiseTest, TanH) {
  EXPECT_THAT(apply(TanH(), {0, 1, -500}), Pointwise(FloatEq(), {0.0f, 0.76159416f, -1.0f}));
}

TEST(ElementwiseTest, Threshold) {
  Threshold op;
  op.threshold = 1;
  EXPECT_THAT(apply(op, {0, 1, 1.5f}), ElementsAre(0, 0, 1));
}

TEST(ElementwiseTest, KeepsShapeAndCountsOperations) {
  EXPECT_EQ(infer_one(Relu(), {2, 3, 4}), Shape({2, 3, 4}));
  EXPECT_EQ(arithmetic_of(Relu(), {{2, 3, 4}}), (Arithmetic{0, 24}));
  EXPECT_EQ(arithmetic_of(Sigmoid(), {{2, 3, 4}}), (Arithmetic{0, 72}));
  EXPECT_THAT(refusal(Relu(), {{2}, {2}}), HasSubstr("takes 1 input(s), not 2"));
  EXPECT_THAT(refusal(Relu(), {}), HasSubstr("takes 1 input(s), not 0"));
}

}  // namespace
}  // namespace kissa
