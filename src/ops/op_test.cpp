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
}

template <class T, class Set>
std::string described(Set&& set) {
  T op;
  set(op);
  return describe(op);
}

TEST(OpTest, DescribesWhatIsWorthSaying) {
  EXPECT_EQ(describe(TanH()), "");
  EXPECT_EQ(describe(Scale()), "");
  EXPECT_EQ(describe(inner_product(10)), "10 outputs");
  EXPECT_EQ(describe(Lrn()), "size 5, alpha 1, beta 0.75");
  EXPECT_EQ(described<Convolution>([](Convolution& op) {
              op.num_output = 64;
              op.kernel = {3, 5};
              op.stride = {2, 2};
              op.pad = {0, 0};
              op.dilation = {1, 1};
            }),
            "64 x 3x5, stride 2x2");
  EXPECT_EQ(described<Deconvolution>([](Deconvolution& op) {
              op.num_output = 8;
              op.kernel = {4};
              op.stride = {2};
              op.pad = {1};
              op.dilation = {2};
              op.group = 8;
              op.has_bias = false;
            }),
            "8 x 4, stride 2, pad 1, dilation 2, group 8, no bias");
  EXPECT_EQ(described<Pooling>([](Pooling& op) {
              op.kernel = {3, 2};
              op.pad = {1, 0};
              op.round_mode = RoundMode::kFloor;
            }),
            "max 3x2, stride 1x1, pad 1x0, rounded down");
  EXPECT_EQ(described<Pooling>([](Pooling& op) {
              op.method = PoolMethod::kAverage;
              op.global = true;
            }),
            "average, global");
  EXPECT_EQ(described<Eltwise>([](Eltwise& op) {
              op.coeffs = {1, -0.5f};
            }),
            "sum, coefficients 1, -0.5");
  EXPECT_EQ(described<Slice>([](Slice& op) {
              op.outputs = 3;
              op.points = {1, 4};
            }),
            "axis 1, at 1, 4");
  EXPECT_EQ(described<Reshape>([](Reshape& op) {
              op.dims = {0, -1};
              op.axis = 1;
            }),
            "to 0x-1, from axis 1");
  EXPECT_EQ(described<ArgMax>([](ArgMax& op) {
              op.top_k = 5;
              op.axis = 1;
            }),
            "top 5, axis 1");
}

TEST(OpTest, CountsTheLeastTraffic) {
  // 2 x 6 in, 10 x 6 weights, 10 biases, 2 x 10 out.
  const Work work = work_of(inner_product(10), {{2, 6}}, {{2, 10}});
  EXPECT_EQ(work.bytes, 4 * (12 + 60 + 10 + 20));
  EXPECT_EQ(work.arithmetic.flops(), 2 * 120 + 20);
  EXPECT_EQ(work_of(Relu(), {{2, 6}}, {{2, 6}}).bytes, 4 * 24);
  EXPECT_EQ(work_of(Flatten(), {{2, 6}}, {{2, 6}}).bytes, 0);
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
