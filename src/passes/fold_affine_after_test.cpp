#include "passes/fold_affine_after.h"

#include "passes/pass_testing.h"

namespace kissa {
namespace {

TEST(FoldAffineAfterTest, FoldsAChainIntoAConvolution) {
  TestGraph net;
  const ValueId data = net.input("data", {2, 4, 5, 5});
  Convolution op = conv(6, 3, 1);
  op.group = 2;
  op.has_bias = false;
  ValueId x = net.add("conv", op, {data});
  x = net.add("bn", BatchNorm(), {x}, "conv");
  x = net.add("scale", Scale{.has_bias = true}, {x}, "conv");
  x = net.add("bias", Bias(), {x}, "conv");
  x = net.add("power", power(2.0f, -0.5f), {x}, "power");
  const Graph before = net.finish({net.add("relu", Relu(), {x})});
  const auto [after, notes] = rewrite(before, fold_affine_after);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [2x4x5x5]
%3 power [2x6x5x5] = convolution(%0) with %1 conv.weight [6x2x3x3], %2 conv.bias [6]: 6 x 3x3, stride 1x1, pad 1x1, group 2
%4 relu [2x6x5x5] = relu(%3)
output %4
)");
  EXPECT_EQ(after.nodes()[0].layers, (Lines{"conv", "bn", "scale", "bias", "power"}));
  EXPECT_EQ(after.nodes()[0].where, "net:conv");
  EXPECT_EQ(notes.rewrites, Lines{"'bn', 'scale', 'bias', 'power' into 'conv'"});
  EXPECT_EQ(notes.refusals, Lines());
  expect_same_results(before, after, kRounding);
}

TEST(FoldAffineAfterTest, FoldsIntoInnerProductsOfBothKinds) {
  for (const bool transpose : {false, true}) {
    TestGraph net;
    const ValueId data = net.input("data", {3, 2, 4});
    ValueId x = net.add("ip", InnerProduct{.num_output = 5, .transpose = transpose}, {data});
    x = net.add("bn", BatchNorm(), {x});
    const Graph before = net.finish({x});
    const auto [after, notes] = rewrite(before, fold_affine_after);
    EXPECT_EQ(notes.rewrites, Lines{"'bn' into 'ip'"});
    expect_same_results(before, after, kRounding);
  }
}

TEST(FoldAffineAfterTest, AddsNoBiasForAMereFactor) {
  TestGraph net;
  Convolution op = conv(2, 1);
  op.has_bias = false;
  const ValueId x = net.add("conv", op, {net.input("data", {1, 2, 3, 3})});
  const Graph before = net.finish({net.add("scale", Scale(), {x})});
  const auto [after, notes] = rewrite(before, fold_affine_after);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x2x3x3]
%2 scale [1x2x3x3] = convolution(%0) with %1 conv.weight [2x2x1x1]: 2 x 1x1, stride 1x1, no bias
output %2
)");
  expect_same_results(before, after, kRounding);
}

TEST(FoldAffineAfterTest, MakesOneScaleWhereThereIsNothingToFoldInto) {
  TestGraph net;
  const ValueId data = net.input("data", {2, 3, 4, 4});
  ValueId x = net.add("bn", BatchNorm(), {data});
  x = net.add("scale", Scale{.has_bias = true}, {x});
  x = net.add("relu", Relu(), {x});
  x = net.add("half", power(0.5f, 0.0f), {x});
  x = net.add("more", power(3.0f, 0.0f), {x});
  const ValueId y = net.add("lone", BatchNorm(), {data});
  const Graph before = net.finish({x, y});
  const auto [after, notes] = rewrite(before, fold_affine_after);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [2x3x4x4]
%3 scale [2x3x4x4] = scale(%0) with %1 bn.scale [3], %2 bn.bias [3]: with bias
%4 relu [2x3x4x4] = relu(%3)
%6 more [2x3x4x4] = scale(%4) with %5 half.scale [scalar]: axis 0, 0 axes
%9 lone [2x3x4x4] = scale(%0) with %7 lone.scale [3], %8 lone.bias [3]: with bias
output %6, %9
)");
  EXPECT_EQ(notes.rewrites, (Lines{"'bn', 'scale' into one scale", "'half', 'more' into one scale",
                                   "'lone' into one scale"}));
  EXPECT_EQ(notes.refusals,
            (Lines{"'bn', 'scale': no layer makes 'data'",
                   "'half', 'more': 'relu' is relu, neither convolution nor inner_product",
                   "'lone': no layer makes 'data'"}));
  expect_same_results(before, after, kRounding);
}

TEST(FoldAffineAfterTest, KeepsWhatOthersRead) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2, 4, 4});
  const ValueId shared = net.add("conv1", conv(2, 3), {data});
  const ValueId scaled = net.add("scale1", Scale(), {shared});
  const ValueId pooled = net.add("pool1", Pooling{.kernel = {2, 2}}, {shared});
  const ValueId wanted = net.add("conv2", conv(2, 3), {data});
  const ValueId shifted = net.add("bias2", Bias(), {wanted});
  const Graph before = net.finish({scaled, pooled, wanted, shifted});
  const auto [after, notes] = rewrite(before, fold_affine_after);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.refusals,
            (Lines{"'scale1': 'conv1' is also read by 'pool1'", "'bias2': 'conv2' is an output"}));
}

TEST(FoldAffineAfterTest, KeepsWhatIsNotAffineInTheOutputs) {
  TestGraph net;
  const ValueId data = net.input("data", {2, 2, 3, 3});
  const auto convolved = [&](const std::string& name) { return net.add(name, conv(2, 1), {data}); };
  const Graph before = net.finish({
      net.add("batch_statistics", BatchNorm{.use_global_stats = false}, {convolved("c1")}),
      net.add("two_axes", Scale{.axis = 1, .num_axes = 2}, {convolved("c2")}),
      net.add("rows", Scale{.axis = 2}, {convolved("c3")}),
      net.add("given", Scale{.axis = 0}, {convolved("c4"), data}),
      net.add("square", power(1.0f, 0.0f, 2.0f), {convolved("c5")}),
      net.add("zero", power(0.0f, 1.0f), {convolved("c6")}),
  });
  const auto [after, notes] = rewrite(before, fold_affine_after);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.refusals,
            (Lines{"'batch_statistics': it takes its statistics from the batch",
                   "'two_axes': its numbers vary along more than one axis",
                   "'rows': it varies along axis 2, which is not that of the outputs of 'c3'",
                   "'given': its numbers are computed", "'zero': its scale is 0"}));
}

TEST(FoldAffineAfterTest, AChainEndsBeforeASquare) {
  TestGraph net;
  const ValueId x = net.add("conv", conv(2, 1), {net.input("data", {1, 2, 3, 3})});
  const ValueId y = net.add("half", power(-0.5f, 1.0f), {x});
  const Graph before = net.finish({net.add("square", power(1.0f, 0.0f, 2.0f), {y})});
  const auto [after, notes] = rewrite(before, fold_affine_after);
  EXPECT_EQ(notes.rewrites, (Lines{"'half' into 'conv'"}));
  expect_same_results(before, after, kRounding);
}

TEST(FoldAffineAfterTest, KeepsWhatHasNoNumbersOrWouldOverflow) {
  TestGraph net;
  const ValueId x = net.add("conv", conv(2, 1), {net.input("data", {1, 2, 3, 3})});
  const ValueId y = net.add("power", power(1e38f, 0.0f), {x});
  Graph before = net.finish({net.add("more", power(1e3f, 0.0f), {y})});
  EXPECT_EQ(rewrite(before, fold_affine_after).notes.refusals,
            (Lines{"'power', 'more': the weights of 'conv' would overflow",
                   "'power', 'more' into one scale: its numbers would overflow"}));
  before.set_data(before.nodes()[0].params[0], nullptr);
  const auto [after, notes] = rewrite(before, fold_affine_after);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.refusals, (Lines{"'power', 'more': conv.weight has no values",
                                   "'power', 'more' into one scale: its numbers would overflow"}));
}

}  // namespace
}  // namespace kissa
