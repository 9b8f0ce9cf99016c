#include "ops/op.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

InnerProduct inner_product(std::int64_t num_output) {
  InnerProduct op;
  op.num_output = num_output;
  return op;
}

TEST(OpTest, KnowsNamesAndDescriptions) {
  EXPECT_EQ(name_of(TanH()), "tanh");
  EXPECT_EQ(name_of(PRelu()), "prelu");
  EXPECT_EQ(describe(TanH()), "");
  EXPECT_EQ(describe(inner_product(10)), "10 outputs");
}

TEST(OpTest, CountsTheLeastTraffic) {
  // 2 x 6 in, 10 x 6 weights, 10 biases, 2 x 10 out.
  const Work work = work_of(inner_product(10), {{2, 6}}, {{2, 10}});
  EXPECT_EQ(work.bytes, 4 * (12 + 60 + 10 + 20));
  EXPECT_EQ(work.arithmetic.flops(), 2 * 120 + 20);
}

TEST(OpTest, ParametersAreAskedForWithTheChecksOfInfer) {
  EXPECT_TRUE(params_of(Relu(), {{2, 3}}).empty());
  EXPECT_THROW(params_of(Scale(), {{5}}), Error);
  Convolution broken;
  broken.num_output = 1;
  broken.group = 0;
  EXPECT_THROW(params_of(broken, {{1, 2}}), Error);
}

TEST(OpTest, KnowsViewsAndElementwiseOps) {
  EXPECT_TRUE(is_view(Flatten()));
  EXPECT_FALSE(is_view(Relu()));
  EXPECT_TRUE(is_elementwise(Relu()));
  EXPECT_TRUE(is_elementwise(Eltwise()));
  EXPECT_FALSE(is_elementwise(Softmax()));
}

TEST(OpTest, CountsStopBeforeTheyOverflow) {
  EXPECT_EQ(count_of(3, 5), 15);
  EXPECT_EQ(count_of(INT64_MAX, 0), 0);
  EXPECT_EQ(count_of(0, INT64_MAX), 0);
  EXPECT_EQ(count_of(std::int64_t{1} << 54, 4), std::int64_t{1} << 55);
  EXPECT_EQ(count_of(INT64_MAX, INT64_MAX), std::int64_t{1} << 55);
}

}  // namespace
}  // namespace kissa
