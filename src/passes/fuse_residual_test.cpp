#include "passes/fuse_residual.h"

#include "passes/pass_testing.h"

namespace kissa {
namespace {

TEST(FuseResidualTest, AddsTheShortcutInTheConvolution) {
  TestGraph net;
  const ValueId data = net.input("data", {2, 3, 4, 4});
  const ValueId branch = net.add("conv", conv(3, 3, 1), {data});
  const ValueId sum = net.add("sum", Eltwise{.coeffs = {1.0f, 1.0f}}, {data, branch});
  const Graph before = net.finish({net.add("relu", Relu(), {sum})});
  const auto [after, notes] = rewrite(before, fuse_residual);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [2x3x4x4]
%3 sum [2x3x4x4] = convolution(%0, %0) with %1 conv.weight [3x3x3x3], %2 conv.bias [3]: 3 x 3x3, stride 1x1, pad 1x1; + residual
%4 relu [2x3x4x4] = relu(%3)
output %4
)");
  EXPECT_EQ(after.nodes()[0].layers, (Lines{"conv", "sum"}));
  EXPECT_EQ(notes.rewrites, Lines{"'sum' into 'conv'"});
  expect_same_results(before, after, kExact);
}

TEST(FuseResidualTest, PrefersTheTermThatIsMadeLater) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2, 4, 4});
  const ValueId first = net.add("first", conv(2, 1), {data});
  const ValueId later = net.add("later", conv(2, 3, 1), {data});
  const Graph before = net.finish({net.add("sum", Eltwise(), {later, first})});
  const auto [after, notes] = rewrite(before, fuse_residual);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x2x4x4]
%3 first [1x2x4x4] = convolution(%0) with %1 first.weight [2x2x1x1], %2 first.bias [2]: 2 x 1x1, stride 1x1
%6 sum [1x2x4x4] = convolution(%0, %3) with %4 later.weight [2x2x3x3], %5 later.bias [2]: 2 x 3x3, stride 1x1, pad 1x1; + residual
output %6
)");
  expect_same_results(before, after, kExact);
}

TEST(FuseResidualTest, ChainsSums) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2, 4, 4});
  const ValueId a = net.add("a", conv(2, 1), {data});
  const ValueId first = net.add("first", Eltwise(), {data, a});
  const ValueId b = net.add("b", conv(2, 3, 1), {first});
  const Graph before = net.finish({net.add("second", Eltwise(), {b, first})});
  const auto [after, notes] = rewrite(before, fuse_residual);
  EXPECT_EQ(notes.rewrites, (Lines{"'first' into 'a'", "'second' into 'b'"}));
  EXPECT_EQ(after.nodes().size(), 2u);
  expect_same_results(before, after, kExact);
}

TEST(FuseResidualTest, KeepsWhatIsNoPlainSumOfAConvolution) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2, 4, 4});
  const auto convolved = [&](const std::string& name) { return net.add(name, conv(2, 1), {data}); };
  const ValueId twice = convolved("c4");
  const ValueId wanted = convolved("c5");
  const ValueId pooled = net.add("pool", Pooling{.kernel = {1, 1}}, {data});
  const Graph before = net.finish({
      net.add("product", Eltwise{EltwiseMethod::kProduct, {}}, {data, convolved("c1")}),
      net.add("weighed", Eltwise{.coeffs = {1.0f, -1.0f}}, {data, convolved("c2")}),
      net.add("three", Eltwise(), {data, data, convolved("c3")}),
      net.add("doubled", Eltwise(), {twice, twice}),
      wanted,
      net.add("plus_wanted", Eltwise(), {wanted, data}),
      net.add("no_conv", Eltwise(), {pooled, data}),
      net.add("plus_constant", Eltwise(), {convolved("c6"), net.constant("k", {1, 2, 4, 4})}),
  });
  const auto [after, notes] = rewrite(before, fuse_residual);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.refusals,
            (Lines{"'weighed': it weighs its terms", "'three': it sums 3 terms",
                   "'doubled': it sums 'c4' with itself",
                   "'plus_wanted': 'c5' is an output; no layer makes 'data'",
                   "'no_conv': 'pool' is pooling, not convolution; no layer makes 'data'",
                   "'plus_constant': 'k' is constant"}));
}

}  // namespace
}  // namespace kissa
