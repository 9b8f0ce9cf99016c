#include "ops/pooling.h"

#include <cfloat>
#include <cmath>

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;
using testing::NanSensitiveFloatEq;
using testing::Pointwise;

Pooling pooling(PoolMethod method, std::int64_t kernel, std::int64_t stride, std::int64_t pad = 0) {
  Pooling op;
  op.method = method;
  op.kernel = {kernel, kernel};
  op.stride = {stride, stride};
  op.pad = {pad, pad};
  return op;
}

Shape out_of(const Pooling& op, std::int64_t height, std::int64_t width) {
  return infer(op, {{1, 1, height, width}})[0];
}

TEST(PoolingTest, RoundsUpUnlessToldOtherwise) {
  Pooling op = pooling(PoolMethod::kMax, 3, 2);
  EXPECT_EQ(out_of(op, 112, 113), Shape({1, 1, 56, 56}));
  EXPECT_EQ(out_of(op, 3, 4), Shape({1, 1, 1, 2}));
  op.round_mode = RoundMode::kFloor;
  EXPECT_EQ(out_of(op, 112, 113), Shape({1, 1, 55, 56}));
}

TEST(PoolingTest, DropsAWindowBehindImageAndPadding) {
  // (7 + 2 - 2) / 2 rounds up to 4, and a fifth place starts at 8 = 7 + 1.
  EXPECT_EQ(out_of(pooling(PoolMethod::kMax, 2, 2, 1), 7, 8), Shape({1, 1, 4, 5}));
  EXPECT_EQ(out_of(pooling(PoolMethod::kMax, 2, 3), 9, 9), Shape({1, 1, 4, 4}));
  // As in Caffe, padding on one axis puts the rule in force on both.
  Pooling op = pooling(PoolMethod::kMax, 2, 3);
  op.pad = {0, 1};
  EXPECT_EQ(out_of(op, 9, 9), Shape({1, 1, 3, 4}));
}

TEST(PoolingTest, AKernelMayHangOverBothEndsByLessThanAStride) {
  EXPECT_EQ(out_of(pooling(PoolMethod::kMax, 2, 2), 1, 1), Shape({1, 1, 1, 1}));
  EXPECT_THAT(evaluate(pooling(PoolMethod::kAverage, 2, 2), {{{1, 1, 1, 1}, {6}}}), ElementsAre(6));
  EXPECT_THAT(refusal(pooling(PoolMethod::kMax, 3, 2), {{1, 1, 1, 1}}),
              HasSubstr("a kernel of 3 is larger than the padded input of 1"));
  Pooling floor = pooling(PoolMethod::kMax, 2, 2);
  floor.round_mode = RoundMode::kFloor;
  EXPECT_THAT(refusal(floor, {{1, 1, 1, 1}}), HasSubstr("larger than"));
}

TEST(PoolingTest, TakesMaxima) {
  EXPECT_THAT(evaluate(pooling(PoolMethod::kMax, 2, 2), {counting({1, 1, 3, 3})}),
              ElementsAre(5, 6, 8, 9));
  EXPECT_THAT(evaluate(pooling(PoolMethod::kMax, 3, 2, 1), {{{1, 1, 2, 2}, {-1, -2, -3, -4}}}),
              ElementsAre(-1, -2, -3, -4));
}

TEST(PoolingTest, WritesPlacesOfMaxima) {
  Pooling op = pooling(PoolMethod::kMax, 2, 1);
  op.with_mask = true;
  const auto y = evaluate_all(op, {{{1, 2, 2, 3}, {1, 5, 5, 4, 0, 5, 3, 2, 1, 0, 0, 7}}});
  ASSERT_EQ(y.size(), 2u);
  EXPECT_THAT(y[0], ElementsAre(5, 5, 3, 7));
  EXPECT_THAT(y[1], ElementsAre(1, 1, 0, 5));
}

TEST(PoolingTest, AveragesOverTheWindowInsideThePadding) {
  // Corners cover 2 x 2 of the image but 3 x 3 of the padded one.
  EXPECT_THAT(evaluate(pooling(PoolMethod::kAverage, 3, 1, 1), {counting({1, 1, 2, 2})}),
              Pointwise(FloatEq(), {10 / 9.0f, 10 / 9.0f, 10 / 9.0f, 10 / 9.0f}));
  // The last windows leave the padded image too: 3 x 2, 2 x 3 and 2 x 2 are left of them.
  EXPECT_THAT(evaluate(pooling(PoolMethod::kAverage, 3, 2), {counting({1, 1, 4, 4})}),
              Pointwise(FloatEq(), {6.0f, 7.5f, 12.0f, 13.5f}));
}

TEST(PoolingTest, EmptyWindowsGiveWhatCaffeGives) {
  const Literal x = counting({1, 1, 1, 3});
  Pooling op = pooling(PoolMethod::kMax, 1, 1);
  op.kernel = {1, 2};
  op.stride = {1, 3};
  op.with_mask = true;
  const auto y = evaluate_all(op, {x});
  EXPECT_THAT(y[0], ElementsAre(2, -FLT_MAX));
  EXPECT_THAT(y[1], ElementsAre(1, -1));
  op.method = PoolMethod::kAverage;
  op.with_mask = false;
  EXPECT_THAT(evaluate(op, {x}), Pointwise(NanSensitiveFloatEq(), {1.5f, std::nanf("")}));
}

TEST(PoolingTest, WeighsByItselfWhereStochastic) {
  EXPECT_THAT(evaluate(pooling(PoolMethod::kStochastic, 2, 2),
                       {{{1, 2, 2, 2}, {1, 2, 3, 4, -1, -2, -3, 4}}}),
              ElementsAre(3, 0));
}

TEST(PoolingTest, PoolsTheWholePlaneWhereGlobal) {
  Pooling op;
  op.method = PoolMethod::kAverage;
  op.global = true;
  EXPECT_EQ(infer_one(op, {2, 3, 5, 7}), Shape({2, 3, 1, 1}));
  EXPECT_EQ(op.kernel_on({2, 3, 5, 7}), (std::array<std::int64_t, 2>{5, 7}));
  EXPECT_THAT(evaluate(op, {counting({1, 2, 2, 2})}), ElementsAre(2.5f, 6.5f));
}

TEST(PoolingTest, CountsElementsInsideTheImage) {
  // An axis of 4 with windows of 3 at -1, 1 and 3 takes in 2 + 3 + 1.
  const Shapes in = {{2, 3, 4, 4}};
  EXPECT_EQ(arithmetic_of(pooling(PoolMethod::kMax, 3, 2, 1), in), (Arithmetic{0, 36 * 6}));
  EXPECT_EQ(arithmetic_of(pooling(PoolMethod::kAverage, 3, 2, 1), in),
            (Arithmetic{0, 36 * 6 + 9 * 6}));
  EXPECT_EQ(arithmetic_of(pooling(PoolMethod::kStochastic, 2, 2), in),
            (Arithmetic{16 * 6, 16 * 6 + 4 * 6}));
}

TEST(PoolingTest, RefusesWhatCannotBe) {
  const Shapes in = {{1, 2, 6, 6}};
  EXPECT_THAT(refusal(Pooling(), in), HasSubstr("kernel 0"));
  EXPECT_THAT(refusal(pooling(PoolMethod::kMax, 2, 0), in), HasSubstr("stride 0"));
  EXPECT_THAT(refusal(pooling(PoolMethod::kMax, 2, 1, -1), in), HasSubstr("pad -1"));
  EXPECT_THAT(refusal(pooling(PoolMethod::kMax, 2, 1, 2), in),
              HasSubstr("pad 2 must be less than kernel 2"));
  EXPECT_THAT(refusal(pooling(PoolMethod::kMax, 8, 1), in), HasSubstr("larger than"));
  EXPECT_THAT(refusal(pooling(PoolMethod::kStochastic, 3, 1, 1), in), HasSubstr("pad 0 only"));
  EXPECT_THAT(refusal(pooling(PoolMethod::kMax, 2, 1), {{2, 6, 6}}), HasSubstr("not 2x6x6"));
  Pooling op = pooling(PoolMethod::kAverage, 2, 1);
  op.with_mask = true;
  EXPECT_THAT(refusal(op, in), HasSubstr("only maximum pooling"));
  op = pooling(PoolMethod::kMax, 0, 2);
  op.global = true;
  EXPECT_THAT(refusal(op, in), HasSubstr("stride 1 and pad 0"));
}

TEST(PoolingTest, HugeParametersNeitherOverflowNorHang) {
  constexpr std::int64_t kHuge = INT32_MAX;
  const Literal x = {{1, 1, 1, 1}, {3}};
  EXPECT_THAT(evaluate(pooling(PoolMethod::kMax, kHuge, kHuge, kHuge - 1), {x}), ElementsAre(3));
  EXPECT_THAT(evaluate(pooling(PoolMethod::kMax, 1, kHuge), {x}), ElementsAre(3));
  EXPECT_THAT(refusal(pooling(PoolMethod::kMax, kHuge + 1, 1, kHuge), {x.shape}),
              HasSubstr("over"));
  EXPECT_THAT(refusal(pooling(PoolMethod::kMax, INT64_MAX, 1, INT64_MAX - 1), {x.shape}),
              HasSubstr("over"));
  EXPECT_THAT(refusal(pooling(PoolMethod::kMax, kHuge, 1, kHuge - 1), {x.shape}),
              HasSubstr("2^36"));
}

}  // namespace
}  // namespace kissa
