#include "passes/drop_no_ops.h"

#include "passes/pass_testing.h"

namespace kissa {
namespace {

TEST(DropNoOpsTest, DropsWhatHandsOnItsInput) {
  TestGraph net;
  ValueId x = net.input("data", {1, 3, 4, 4});
  x = net.add("split", Identity(), {x});
  x = net.add("conv", conv(2, 3), {x});
  x = net.add("drop", Identity(), {x}, "conv");
  x = net.add("view", Reshape{{}, {0, 2, -1, 0}, 0, -1}, {x});
  x = net.add("flat", Flatten{{}, 1, 1}, {x});
  x = net.add("join", Concat(), {x});
  x = net.add("cut", Slice(), {x});
  x = net.add("tile", Tile{.axis = 1, .tiles = 1}, {x});
  x = net.add("power", Power(), {x});
  x = net.add("pool", Pooling{.kernel = {1, 1}}, {x});
  x = net.add("relu", Relu(), {x});
  const Graph before = net.finish({x});
  const auto [after, notes] = rewrite(before, drop_no_ops);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x3x4x4]
%3 conv [1x2x2x2] = convolution(%0) with %1 conv.weight [2x3x3x3], %2 conv.bias [2]: 2 x 3x3, stride 1x1
%4 relu [1x2x2x2] = relu(%3)
output %4
)");
  EXPECT_EQ(notes.rewrites.size(), 9u);
  EXPECT_EQ(notes.rewrites[0], "'split' (identity) dropped");
  EXPECT_EQ(notes.refusals, Lines());
  expect_same_results(before, after, kExact);
}

TEST(DropNoOpsTest, KeepsWhatChangesShapeOrNumbers) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2, 4, 4});
  const Graph before = net.finish({
      net.add("flat", Flatten(), {data}),
      net.add("twice", Concat(), {data, data}),
      net.add("power", power(1.0f, 1.0f), {data}),
      net.add("every_second", Pooling{.kernel = {1, 1}, .stride = {2, 2}}, {data}),
      net.add("stochastic", Pooling{.method = PoolMethod::kStochastic, .kernel = {1, 1}}, {data}),
  });
  const auto [after, notes] = rewrite(before, drop_no_ops);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.rewrites, Lines());
}

// An output of the network keeps its name, so the value that takes its place is renamed.
TEST(DropNoOpsTest, KeepsTheNamesOfOutputs) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2});
  const ValueId relu = net.add("relu", Relu(), {data});
  const Graph before = net.finish({net.add("split", Identity(), {relu}, "result")});
  const auto [after, notes] = rewrite(before, drop_no_ops);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x2]
%1 result [1x2] = relu(%0)
output %1
)");
  expect_same_results(before, after, kExact);
}

TEST(DropNoOpsTest, KeepsTwoOutputsApart) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2});
  const ValueId copy = net.add("copy", Identity(), {data});
  const ValueId relu = net.add("relu", Relu(), {data});
  const ValueId other = net.add("other", Identity(), {relu});
  const Graph before = net.finish({copy, relu, other});
  const auto [after, notes] = rewrite(before, drop_no_ops);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.refusals, (Lines{"'copy': 'copy' is an output, and 'data' an input",
                                   "'other': both 'relu' and 'other' are outputs"}));
}

}  // namespace
}  // namespace kissa
