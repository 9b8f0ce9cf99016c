#include "passes/fold_affine_before.h"

#include "passes/pass_testing.h"

namespace kissa {
namespace {

TEST(FoldAffineBeforeTest, FoldsTheInputsMeanIntoTheFirstConvolution) {
  TestGraph net;
  ValueId x = net.input("data", {1, 4, 5, 5});
  x = net.add("mean", Bias(), {x});
  x = net.add("scale", power(0.017f, 0.25f), {x});
  Convolution op = conv(6, 3);
  op.group = 2;
  op.has_bias = false;
  const Graph before = net.finish({net.add("conv", op, {x})});
  const auto [after, notes] = rewrite(before, fold_affine_before);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x4x5x5]
%3 conv [1x6x3x3] = convolution(%0) with %1 conv.weight [6x2x3x3], %2 conv.bias [6]: 6 x 3x3, stride 1x1, group 2
output %3
)");
  EXPECT_EQ(after.nodes()[0].layers, (Lines{"mean", "scale", "conv"}));
  EXPECT_EQ(after.nodes()[0].name, "conv");
  EXPECT_EQ(notes.rewrites, (Lines{"'scale' into 'conv'", "'mean' into 'conv'"}));
  expect_same_results(before, after, kRounding);
}

TEST(FoldAffineBeforeTest, FoldsAFactorIntoAPaddedConvolution) {
  TestGraph net;
  ValueId x = net.input("data", {1, 2, 5, 5});
  x = net.add("scale", Scale(), {x});
  const Graph before = net.finish({net.add("conv", conv(3, 3, 1), {x})});
  const auto [after, notes] = rewrite(before, fold_affine_before);
  EXPECT_EQ(after.nodes().size(), 1u);
  expect_same_results(before, after, kRounding);
}

TEST(FoldAffineBeforeTest, KeepsAShiftInFrontOfPadding) {
  TestGraph net;
  ValueId x = net.input("data", {1, 2, 5, 5});
  x = net.add("mean", Bias(), {x});
  const Graph before = net.finish({net.add("conv", conv(3, 3, 1), {x})});
  const auto [after, notes] = rewrite(before, fold_affine_before);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.refusals,
            Lines{"'mean' into 'conv': it would have to shift the convolution's padding too"});
}

TEST(FoldAffineBeforeTest, FoldsIntoInnerProductsAlongAnyAxisThatTheySumOver) {
  for (const bool transpose : {false, true}) {
    for (const int axis : {1, 2, 3}) {
      TestGraph net;
      ValueId x = net.input("data", {2, 3, 4, 5});
      x = net.add("scale", Scale{.axis = axis, .has_bias = true}, {x});
      x = net.add("ip", InnerProduct{.num_output = 6, .transpose = transpose}, {x});
      const Graph before = net.finish({x});
      const auto [after, notes] = rewrite(before, fold_affine_before);
      EXPECT_EQ(after.nodes().size(), 1u);
      expect_same_results(before, after, kRounding);
    }
  }
}

TEST(FoldAffineBeforeTest, KeepsWhatVariesElsewhereOrIsReadElsewhere) {
  TestGraph net;
  const ValueId data = net.input("data", {2, 2, 3, 3});
  const ValueId rows = net.add("rows", Scale{.axis = 2}, {data});
  const ValueId images = net.add("images", Scale{.axis = 0}, {data});
  const ValueId shared = net.add("shared", Scale(), {data});
  const Graph before = net.finish({
      net.add("conv1", conv(2, 1), {rows}),
      net.add("ip", InnerProduct{.num_output = 2}, {images}),
      net.add("conv2", conv(2, 1), {shared}),
      net.add("pool", Pooling{.kernel = {2, 2}}, {shared}),
  });
  const auto [after, notes] = rewrite(before, fold_affine_before);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(
      notes.refusals,
      (Lines{
          "'shared' into 'conv2': 'shared' is also read by 'pool'",
          "'images' into 'ip': it varies along axis 0, over which the inner product does not sum",
          "'rows' into 'conv1': it varies along axis 2, which is not that of the channels"}));
}

TEST(FoldAffineBeforeTest, KeepsAResidual) {
  Graph before;
  const ValueId data = before.add_input("data", {1, 1, 1, 1});
  const ValueId factor = before.add_constant("scale.scale", {1}, make_constant({2.0f}));
  const NodeId scale = before.add_node(
      {.name = "scale", .op = Scale(), .inputs = {data}, .params = {factor}}, {"scale"});
  const ValueId weight = before.add_constant("conv.weight", {1, 1, 1, 1}, make_constant({3.0f}));
  const ValueId bias = before.add_constant("conv.bias", {1}, make_constant({4.0f}));
  const NodeId sum = before.add_node({.name = "conv",
                                      .op = conv(1, 1),
                                      .inputs = {data, before.node(scale).outputs[0]},
                                      .params = {weight, bias},
                                      .epilogue = {.has_residual = true}},
                                     {"conv"});
  before.add_output(before.node(sum).outputs[0]);
  const auto [after, notes] = rewrite(before, fold_affine_before);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.refusals, Lines{"'scale' into 'conv': 'conv' adds it to its result"});
}

}  // namespace
}  // namespace kissa
