#include "ops/inner_product.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

InnerProduct inner_product(std::int64_t num_output, int axis, bool transpose, bool has_bias) {
  InnerProduct op;
  op.num_output = num_output;
  op.axis = axis;
  op.transpose = transpose;
  op.has_bias = has_bias;
  return op;
}

TEST(InnerProductTest, MultipliesRows) {
  const Literal x = counting({2, 3});
  EXPECT_THAT(evaluate(inner_product(2, 1, false, true), {x},
                       {{{2, 3}, {1, 10, 100, 0, 0, 1}}, {{2}, {0.5f, -1}}}),
              ElementsAre(321.5f, 2, 654.5f, 5));
  EXPECT_THAT(evaluate(inner_product(2, 1, true, false), {x}, {{{3, 2}, {1, 0, 10, 0, 100, 1}}}),
              ElementsAre(321, 3, 654, 6));
}

TEST(InnerProductTest, TakesTheAxesFromAxisOnAsOne) {
  EXPECT_EQ(infer_one(inner_product(6, 1, false, true), {3, 2, 5, 4}), Shape({3, 6}));
  EXPECT_EQ(infer_one(inner_product(6, -2, false, true), {3, 2, 5, 4}), Shape({3, 2, 6}));
  const auto params = params_of(inner_product(6, 2, false, true), {{3, 2, 5, 4}});
  EXPECT_EQ(params[0].shape, Shape({6, 20}));
  EXPECT_EQ(params[1].shape, Shape({6}));
}

TEST(InnerProductTest, CountsArithmetic) {
  EXPECT_EQ(arithmetic_of(inner_product(6, 1, false, true), {{3, 5, 4}}),
            (Arithmetic{3 * 6 * 20, 18}));
  EXPECT_EQ(arithmetic_of(inner_product(6, 1, false, false), {{3, 5, 4}}),
            (Arithmetic{3 * 6 * 20, 0}));
}

TEST(InnerProductTest, RefusesWhatCannotBe) {
  EXPECT_THAT(refusal(inner_product(0, 1, false, true), {{2, 3}}), HasSubstr("num_output 0"));
  EXPECT_THAT(refusal(inner_product(2, 2, false, true), {{2, 3}}), HasSubstr("axis 2"));
  EXPECT_THROW(params_of(inner_product(1 << 20, 1, false, true), {{1, 1 << 20}}), Error);
}

}  // namespace
}  // namespace kissa
