#include "passes/fold_constants.h"

#include "passes/pass_testing.h"

namespace kissa {
namespace {

TEST(FoldConstantsTest, ComputesWhatIsKnown) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 3, 4});
  const ValueId gate = net.add("gate", Sigmoid(), {net.constant("gate.raw", {3, 4})});
  const ValueId shaped = net.add("shaped", Reshape{{}, {1, 3, 4}, 0, -1}, {gate});
  const Graph before =
      net.finish({net.add("product", Eltwise{EltwiseMethod::kProduct, {}}, {data, shaped})});
  const auto [after, notes] = rewrite(before, fold_constants);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x3x4]
%2 product [1x3x4] = eltwise(%0, %1): product
output %2
)");
  EXPECT_EQ(notes.rewrites, (Lines{"'gate' (sigmoid) computed", "'shaped' (reshape) computed"}));
  expect_same_results(before, after, kExact);
}

TEST(FoldConstantsTest, ComputesWhatReadsShapesOnly) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 3, 8, 8});
  PriorBox prior;
  prior.min_sizes = {2};
  const ValueId boxes = net.add("boxes", prior, {data, data});
  const Graph before = net.finish({net.add("result", AbsVal(), {boxes})});
  const auto [after, notes] = rewrite(before, fold_constants);
  EXPECT_EQ(notes.rewrites, Lines{"'boxes' (prior_box) computed"});
  expect_same_results(before, after, kExact);
}

TEST(FoldConstantsTest, KeepsOutputsUnknownNumbersAndLongWork) {
  TestGraph net;
  net.input("data", {1});
  const ValueId wanted = net.add("wanted", TanH(), {net.constant("a", {2})});
  const ValueId large = net.add("large", conv(64, 11), {net.constant("b", {1, 16, 64, 64})});
  const ValueId result = net.add("result", TanH(), {large});
  const Graph before = net.finish({wanted, result});
  const auto [after, notes] = rewrite(before, fold_constants);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.refusals, (Lines{"'wanted': 'wanted' is an output",
                                   "'large': 722794752 operations are too many at build time"}));
}

TEST(FoldConstantsTest, KeepsWhatHasNoNumbersYet) {
  Graph graph;
  const ValueId blank = graph.add_constant("blank", {2});
  const NodeId first = graph.add_node({.name = "tanh", .op = TanH(), .inputs = {blank}}, {"tanh"});
  const NodeId second =
      graph.add_node({.name = "relu", .op = Relu(), .inputs = graph.node(first).outputs}, {"relu"});
  graph.add_output(graph.node(second).outputs[0]);
  const auto [after, notes] = rewrite(graph, fold_constants);
  EXPECT_EQ(after.to_text(), graph.to_text());
  EXPECT_EQ(notes.refusals, Lines{"'tanh': blank has no values"});
}

}  // namespace
}  // namespace kissa
