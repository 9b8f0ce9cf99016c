#include "ops/softmax.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::FloatEq;
using testing::HasSubstr;
using testing::Pointwise;

Softmax softmax(int axis) {
  Softmax op;
  op.axis = axis;
  return op;
}

TEST(SoftmaxTest, SumsToOneAlongTheAxis) {
  // ln 1, ln 2, ln 5
  const Literal x = {{1, 3}, {0.0f, 0.69314718f, 1.6094379f}};
  EXPECT_THAT(evaluate(Softmax(), {x}), Pointwise(FloatEq(), {0.125f, 0.25f, 0.625f}));
  EXPECT_THAT(evaluate(softmax(0), {x}), Pointwise(FloatEq(), {1.0f, 1.0f, 1.0f}));
}

TEST(SoftmaxTest, WorksWithStridedRows) {
  const Literal x = {{1, 2, 2}, {0.0f, 7.0f, 1.0986123f, 7.0f}};
  EXPECT_THAT(evaluate(softmax(-2), {x}), Pointwise(FloatEq(), {0.25f, 0.5f, 0.75f, 0.5f}));
}

TEST(SoftmaxTest, DoesNotOverflow) {
  EXPECT_THAT(evaluate(Softmax(), {{{1, 3}, {1e30f, 1e30f, -1e30f}}}),
              Pointwise(FloatEq(), {0.5f, 0.5f, 0.0f}));
}

TEST(SoftmaxTest, CountsArithmetic) {
  EXPECT_EQ(arithmetic_of(Softmax(), {{2, 10, 3}}), (Arithmetic{0, 5 * 60 - 2 * 6}));
  EXPECT_EQ(arithmetic_of(Softmax(), {{2, 0}}), (Arithmetic{0, 0}));
}

TEST(SoftmaxTest, NamesAxisAndShape) {
  EXPECT_THAT(refusal(softmax(4), {{1, 2, 6, 6}}),
              HasSubstr("axis 4 is out of range for shape 1x2x6x6"));
}

}  // namespace
}  // namespace kissa
