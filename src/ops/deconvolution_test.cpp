#include "ops/deconvolution.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Deconvolution deconvolution(std::int64_t num_output, std::vector<std::int64_t> kernel) {
  Deconvolution op;
  op.num_output = num_output;
  op.stride.assign(kernel.size(), 1);
  op.pad.assign(kernel.size(), 0);
  op.dilation.assign(kernel.size(), 1);
  op.kernel = std::move(kernel);
  op.has_bias = false;
  return op;
}

TEST(DeconvolutionTest, AddsEachElementsWindow) {
  Deconvolution op = deconvolution(1, {3});
  EXPECT_THAT(evaluate(op, {counting({1, 1, 2})}, {{{1, 1, 3}, {1, 10, 100}}}),
              ElementsAre(1, 12, 120, 200));
  op.stride = {2};
  op.has_bias = true;
  EXPECT_THAT(evaluate(op, {counting({1, 1, 2})}, {{{1, 1, 3}, {1, 10, 100}}, {{1}, {0.5f}}}),
              ElementsAre(1.5f, 10.5f, 102.5f, 20.5f, 200.5f));
}

TEST(DeconvolutionTest, PadCutsOffAndDilationSpreads) {
  Deconvolution op = deconvolution(1, {3});
  op.pad = {1};
  EXPECT_THAT(evaluate(op, {counting({1, 1, 2})}, {{{1, 1, 3}, {1, 10, 100}}}),
              ElementsAre(12, 120));
  op = deconvolution(1, {2});
  op.dilation = {3};
  EXPECT_THAT(evaluate(op, {counting({1, 1, 2})}, {{{1, 1, 2}, {1, 10}}}),
              ElementsAre(1, 2, 0, 10, 20));
}

TEST(DeconvolutionTest, LeavesGapsBetweenWindows) {
  Deconvolution op = deconvolution(1, {1});
  op.stride = {2};
  EXPECT_THAT(evaluate(op, {counting({1, 1, 3})}, {{{1, 1, 1}, {10}}}),
              ElementsAre(10, 0, 20, 0, 30));
}

TEST(DeconvolutionTest, SumsTheChannelsOfItsGroup) {
  const Literal x = {{1, 2, 1}, {3, 5}};
  EXPECT_THAT(evaluate(deconvolution(2, {1}), {x}, {{{2, 2, 1}, {1, 10, 100, 1000}}}),
              ElementsAre(503, 5030));
  Deconvolution grouped = deconvolution(4, {1});
  grouped.group = 2;
  EXPECT_THAT(evaluate(grouped, {x}, {{{2, 2, 1}, {1, 10, 100, 1000}}}),
              ElementsAre(3, 30, 500, 5000));
}

TEST(DeconvolutionTest, InvertsAConvolutionsShape) {
  Deconvolution op = deconvolution(21, {16, 16});
  op.stride = {8, 8};
  op.pad = {4, 4};
  EXPECT_EQ(infer_one(op, {1, 21, 70, 70}), Shape({1, 21, 560, 560}));
  EXPECT_EQ(params_of(op, {{1, 5, 70, 70}})[0].shape, Shape({5, 21, 16, 16}));
  EXPECT_EQ(arithmetic_of(op, {{1, 5, 7, 7}}), (Arithmetic{5 * 49 * 21 * 256, 0}));
}

TEST(DeconvolutionTest, RefusesWhatCannotBe) {
  Deconvolution op = deconvolution(1, {3});
  op.pad = {2};
  EXPECT_THAT(refusal(op, {{1, 1, 2}}), HasSubstr("pad 2 leaves nothing of an output of 4"));
  op.pad = {0};
  op.stride = {0};
  EXPECT_THAT(refusal(op, {{1, 1, 2}}), HasSubstr("stride 0"));
  op.stride = {INT32_MAX};
  EXPECT_THAT(refusal(op, {{1, 1, std::int64_t{1} << 36}}), HasSubstr("2^36"));
  op.group = 2;
  EXPECT_THAT(refusal(op, {{1, 1, 2}}), HasSubstr("no multiple of group 2"));
  EXPECT_THAT(refusal(deconvolution(1, {3, 3}), {{1, 1, 2}}), HasSubstr("does not fit"));
  EXPECT_THAT(refusal(deconvolution(1, {3}), {{1, 1, 0}}), HasSubstr("leaves nothing"));
}

}  // namespace
}  // namespace kissa
