#include "ops/convolution.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Convolution convolution(std::int64_t num_output, std::vector<std::int64_t> kernel) {
  Convolution op;
  op.num_output = num_output;
  op.stride.assign(kernel.size(), 1);
  op.pad.assign(kernel.size(), 0);
  op.dilation.assign(kernel.size(), 1);
  op.kernel = std::move(kernel);
  op.has_bias = false;
  return op;
}

TEST(ConvolutionTest, CorrelatesWithoutFlipping) {
  Convolution op = convolution(1, {2, 2});
  op.has_bias = true;
  EXPECT_THAT(
      evaluate(op, {counting({1, 1, 3, 3})}, {{{1, 1, 2, 2}, {1, 10, 100, 1000}}, {{1}, {0.5f}}}),
      ElementsAre(5421.5f, 6532.5f, 8754.5f, 9865.5f));
}

TEST(ConvolutionTest, PadsWithZerosAndStrides) {
  Convolution op = convolution(1, {3});
  op.pad = {1};
  op.stride = {2};
  EXPECT_THAT(evaluate(op, {counting({1, 1, 5})}, {{{1, 1, 3}, {1, 10, 100}}}),
              ElementsAre(210, 432, 54));
}

TEST(ConvolutionTest, Dilates) {
  Convolution op = convolution(1, {2});
  op.dilation = {3};
  EXPECT_THAT(evaluate(op, {counting({1, 1, 5})}, {{{1, 1, 2}, {1, 10}}}), ElementsAre(41, 52));
}

TEST(ConvolutionTest, SumsTheChannelsOfItsGroup) {
  const Literal x = {{1, 4, 1}, {1, 2, 3, 4}};
  EXPECT_THAT(evaluate(convolution(1, {1}), {x}, {{{1, 4, 1}, {1, 10, 100, 1000}}}),
              ElementsAre(4321));
  Convolution grouped = convolution(2, {1});
  grouped.group = 2;
  EXPECT_THAT(evaluate(grouped, {x}, {{{2, 2, 1}, {1, 10, 1, 10}}}), ElementsAre(21, 43));
}

TEST(ConvolutionTest, KeepsTheAxesBeforeTheChannels) {
  Convolution op = convolution(2, {3});
  op.axis = -2;
  EXPECT_EQ(infer_one(op, {4, 5, 3, 7}), Shape({4, 5, 2, 5}));
  EXPECT_EQ(params_of(op, {{4, 5, 3, 7}})[0].shape, Shape({2, 3, 3}));
}

TEST(ConvolutionTest, CountsArithmetic) {
  Convolution op = convolution(64, {7, 7});
  op.stride = {2, 2};
  op.pad = {3, 3};
  op.has_bias = true;
  EXPECT_EQ(arithmetic_of(op, {{1, 3, 224, 224}}),
            (Arithmetic{std::int64_t{112} * 112 * 64 * 147, std::int64_t{112} * 112 * 64}));
}

TEST(ConvolutionTest, RefusesChannelsThatDoNotDivide) {
  Convolution op = convolution(3, {3, 3});
  op.group = 3;
  EXPECT_THAT(refusal(op, {{1, 2, 6, 6}}),
              HasSubstr("2 input channels are no multiple of group 3"));
  op.group = 2;
  EXPECT_THAT(refusal(op, {{1, 2, 6, 6}}), HasSubstr("num_output 3 is no multiple of group 2"));
  op.group = 0;
  EXPECT_THAT(refusal(op, {{1, 2, 6, 6}}), HasSubstr("group 0"));
  EXPECT_THAT(refusal(convolution(0, {3, 3}), {{1, 2, 6, 6}}), HasSubstr("num_output 0"));
}

TEST(ConvolutionTest, RefusesWindowsThatDoNotFit) {
  EXPECT_THAT(refusal(convolution(3, {7, 7}), {{1, 2, 6, 6}}),
              HasSubstr("larger than the padded input of 6"));
  EXPECT_THAT(refusal(convolution(3, {3}), {{1, 2, 6, 6}}),
              HasSubstr("a kernel of 1 axes does not fit an input of 2 spatial axes"));
  Convolution op = convolution(3, {3, 3});
  op.axis = 4;
  EXPECT_THAT(refusal(op, {{1, 2, 6, 6}}), HasSubstr("axis 4 is out of range"));
}

// Work that no machine does is counted as a large number, not as an overflow.
TEST(ConvolutionTest, CountsHugeWorkWithoutOverflow) {
  const Shapes deep = {{1, 1 << 18, 1 << 9, 1 << 9}};
  EXPECT_EQ(arithmetic_of(convolution(1 << 18, {1, 1}), deep).multiply_adds, std::int64_t{1} << 54);
  const Shapes wide = {{1, 1, 1 << 17, 1 << 18}};
  EXPECT_EQ(arithmetic_of(convolution(2, {1 << 16, 1 << 17}), wide).multiply_adds,
            std::int64_t{1} << 55);
}

}  // namespace
}  // namespace kissa
