#include "ops/eltwise.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Eltwise eltwise(EltwiseMethod method, std::vector<float> coeffs = {}) {
  Eltwise op;
  op.method = method;
  op.coeffs = std::move(coeffs);
  return op;
}

const std::vector<Literal> kInputs = {{{3}, {1, -2, 3}}, {{3}, {4, 5, -6}}, {{3}, {2, 2, 2}}};

TEST(EltwiseTest, Combines) {
  EXPECT_THAT(evaluate(Eltwise(), kInputs), ElementsAre(7, 5, -1));
  EXPECT_THAT(evaluate(eltwise(EltwiseMethod::kSum, {1, -1, 0.5f}), kInputs),
              ElementsAre(-2, -6, 10));
  EXPECT_THAT(evaluate(eltwise(EltwiseMethod::kProduct), kInputs), ElementsAre(8, -20, -36));
  EXPECT_THAT(evaluate(eltwise(EltwiseMethod::kMax), kInputs), ElementsAre(4, 5, 3));
  EXPECT_THAT(evaluate(eltwise(EltwiseMethod::kMax, {0, 0, 0}), kInputs), ElementsAre(4, 5, 3));
}

TEST(EltwiseTest, CountsArithmetic) {
  const Shapes in = {{5}, {5}, {5}};
  EXPECT_EQ(arithmetic_of(Eltwise(), in), (Arithmetic{0, 10}));
  EXPECT_EQ(arithmetic_of(eltwise(EltwiseMethod::kSum, {1, 2, 3}), in), (Arithmetic{10, 5}));
}

TEST(EltwiseTest, RefusesWhatDoesNotMatch) {
  EXPECT_THAT(refusal(Eltwise(), {{2, 3}}), HasSubstr("at least 2 inputs, not 1"));
  EXPECT_THAT(refusal(Eltwise(), {{2, 3}, {3, 2}}), AllOf(HasSubstr("2x3"), HasSubstr("3x2")));
  EXPECT_THAT(refusal(Eltwise(), {{2, 3}, {2, 3, 1}}), HasSubstr("differ in shape"));
  EXPECT_THAT(refusal(eltwise(EltwiseMethod::kSum, {1}), {{2}, {2}}),
              HasSubstr("one coefficient an input: 1 for 2 inputs"));
  EXPECT_THAT(refusal(eltwise(EltwiseMethod::kProduct, {1, 1}), {{2}, {2}}),
              HasSubstr("a product takes no coefficients"));
}

}  // namespace
}  // namespace kissa
