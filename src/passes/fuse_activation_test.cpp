#include "passes/fuse_activation.h"

#include "passes/pass_testing.h"

namespace kissa {
namespace {

TEST(FuseActivationTest, GoesIntoConvolutionInnerProductAndEltwise) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2, 4, 4});
  ValueId a = net.add("conv", conv(2, 3, 1), {data});
  a = net.add("relu1", Relu(), {a}, "conv");
  ValueId b = net.add("sum", Eltwise(), {a, data});
  b = net.add("relu2", Relu{{}, 0.1f}, {b});
  ValueId c = net.add("ip", InnerProduct{.num_output = 8}, {b});
  c = net.add("clip", clip(-0.25f, 0.5f), {c});
  const Graph before = net.finish({c});
  const auto [after, notes] = rewrite(before, fuse_activation);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x2x4x4]
%3 conv [1x2x4x4] = convolution(%0) with %1 conv.weight [2x2x3x3], %2 conv.bias [2]: 2 x 3x3, stride 1x1, pad 1x1; relu
%4 relu2 [1x2x4x4] = eltwise(%3, %0): sum; relu (negative_slope 0.1)
%7 clip [1x8] = inner_product(%4) with %5 ip.weight [8x32], %6 ip.bias [8]: 8 outputs; clip to [-0.25, 0.5]
output %7
)");
  EXPECT_EQ(after.nodes()[0].layers, (Lines{"conv", "relu1"}));
  EXPECT_EQ(notes.rewrites,
            (Lines{"'relu1' into 'conv'", "'relu2' into 'sum'", "'clip' into 'ip'"}));
  EXPECT_EQ(notes.refusals, Lines());
  expect_same_results(before, after, kExact);
}

TEST(FuseActivationTest, GoesBehindAResidual) {
  Graph before;
  const ValueId data = before.add_input("data", {1, 1, 3, 3});
  const ValueId weight = before.add_constant("conv.weight", {1, 1, 1, 1}, make_constant({-3.0f}));
  const ValueId bias = before.add_constant("conv.bias", {1}, make_constant({0.5f}));
  const NodeId sum = before.add_node({.name = "conv",
                                      .op = conv(1, 1),
                                      .inputs = {data, data},
                                      .params = {weight, bias},
                                      .epilogue = {.has_residual = true}},
                                     {"sum"});
  const NodeId relu =
      before.add_node({.name = "relu", .op = Relu(), .inputs = before.node(sum).outputs}, {"relu"});
  before.add_output(before.node(relu).outputs[0]);
  const auto [after, notes] = rewrite(before, fuse_activation);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x1x3x3]
%3 relu [1x1x3x3] = convolution(%0, %0) with %1 conv.weight [1x1x1x1], %2 conv.bias [1]: 1 x 1x1, stride 1x1; + residual, relu
output %3
)");
  expect_same_results(before, after, kExact);
}

TEST(FuseActivationTest, KeepsWhatOthersReadAndWhatDoesNotFit) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2, 4, 4});
  const auto convolved = [&](const std::string& name) { return net.add(name, conv(2, 1), {data}); };
  const ValueId shared = convolved("c1");
  const ValueId wanted = convolved("c2");
  const ValueId pooled = net.add("pool2", Pooling{.kernel = {2, 2}}, {shared});
  const ValueId empty = net.add("c3", conv(2, 1), {data});
  const Graph before = net.finish({
      pooled,
      wanted,
      net.add("of_shared", Relu(), {shared}),
      net.add("of_wanted", Relu(), {wanted}),
      net.add("of_pool", Relu(), {pooled}),
      net.add("of_input", Relu(), {data}),
      net.add("empty_range", clip(1.0f, 0.5f), {empty}),
  });
  const auto [after, notes] = rewrite(before, fuse_activation);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.refusals,
            (Lines{"'of_shared': 'c1' is also read by 'pool2'", "'of_wanted': 'c2' is an output",
                   "'of_pool': 'pool2' is pooling, which takes no activation",
                   "'of_input': no layer makes 'data'", "'empty_range': its range is empty"}));
}

TEST(FuseActivationTest, TakesOneActivationOnly) {
  TestGraph net;
  ValueId x = net.add("conv", conv(2, 1), {net.input("data", {1, 2, 4, 4})});
  x = net.add("relu", Relu(), {x});
  const Graph before = net.finish({net.add("clip", clip(0.0f, 0.5f), {x})});
  const auto [after, notes] = rewrite(before, fuse_activation);
  EXPECT_EQ(after.nodes().size(), 2u);
  EXPECT_EQ(notes.refusals, Lines{"'clip': 'conv' ends in an activation already"});
  expect_same_results(before, after, kExact);
}

}  // namespace
}  // namespace kissa
