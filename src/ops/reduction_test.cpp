#include "ops/reduction.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Reduction reduction(ReductionMethod method, int axis, float coefficient) {
  Reduction op;
  op.method = method;
  op.axis = axis;
  op.coefficient = coefficient;
  return op;
}

const Literal kSigned = {{2, 2}, {1, -2, 3, 4}};

TEST(ReductionTest, Reduces) {
  EXPECT_THAT(evaluate(reduction(ReductionMethod::kSum, 1, 2), {kSigned}), ElementsAre(-2, 14));
  EXPECT_THAT(evaluate(reduction(ReductionMethod::kSumAbs, 1, 2), {kSigned}), ElementsAre(6, 14));
  EXPECT_THAT(evaluate(reduction(ReductionMethod::kSumSquares, -1, 1), {kSigned}),
              ElementsAre(5, 25));
  EXPECT_THAT(evaluate(reduction(ReductionMethod::kMean, 0, 4), {kSigned}), ElementsAre(6));
}

TEST(ReductionTest, KeepsTheAxesBefore) {
  EXPECT_EQ(infer_one(reduction(ReductionMethod::kSum, 2, 1), {2, 3, 4, 5}), Shape({2, 3}));
  EXPECT_EQ(infer_one(Reduction(), {2, 3}), Shape());
  EXPECT_THAT(refusal(reduction(ReductionMethod::kSum, 2, 1), {{2, 3}}), HasSubstr("axis 2"));
}

TEST(ReductionTest, CountsArithmetic) {
  const Shapes in = {{2, 3, 5}};
  EXPECT_EQ(arithmetic_of(reduction(ReductionMethod::kSum, 1, 1), in), (Arithmetic{0, 32}));
  EXPECT_EQ(arithmetic_of(reduction(ReductionMethod::kSumAbs, 1, 1), in), (Arithmetic{0, 62}));
  EXPECT_EQ(arithmetic_of(reduction(ReductionMethod::kSumSquares, 1, 1), in), (Arithmetic{30, 2}));
}

}  // namespace
}  // namespace kissa
