#include "passes/merge_duplicates.h"

#include "passes/pass_testing.h"

namespace kissa {
namespace {

TEST(MergeDuplicatesTest, LetsOneStandForAll) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2, 4, 4});
  const ValueId a = net.add("relu_a", Relu(), {data});
  const ValueId pool_a = net.add("pool_a", Pooling{.kernel = {2, 2}}, {a});
  const ValueId b = net.add("relu_b", Relu(), {data});
  const ValueId pool_b = net.add("pool_b", Pooling{.kernel = {2, 2}}, {b});
  const Graph before = net.finish({net.add("sum", Eltwise(), {pool_a, pool_b})});
  const auto [after, notes] = rewrite(before, merge_duplicates);
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x2x4x4]
%1 relu_a [1x2x4x4] = relu(%0)
%2 pool_a [1x2x3x3] = pooling(%1): max 2x2, stride 1x1
%3 sum [1x2x3x3] = eltwise(%2, %2): sum
output %3
)");
  EXPECT_EQ(notes.rewrites, (Lines{"'relu_b' computes the same as 'relu_a': dropped",
                                   "'pool_b' computes the same as 'pool_a': dropped"}));
  expect_same_results(before, after, kExact);
}

TEST(MergeDuplicatesTest, ComparesParametersByTheirData) {
  const ConstantData weight = make_constant(random_numbers(4, 1));
  const auto build = [&](const ConstantData& other) {
    Graph graph;
    const ValueId data = graph.add_input("data", {1, 2});
    const auto add = [&](const std::string& name, const ConstantData& numbers) {
      const ValueId param = graph.add_constant(name + ".weight", {2, 2}, numbers);
      const InnerProduct op{.num_output = 2, .has_bias = false};
      return graph
          .node(
              graph.add_node({.name = name, .op = op, .inputs = {data}, .params = {param}}, {name}))
          .outputs[0];
    };
    const ValueId a = add("a", weight);
    const ValueId b = add("b", other);
    const NodeId join =
        graph.add_node({.name = "join", .op = Concat(), .inputs = {a, b}}, {"join"});
    graph.add_output(graph.node(join).outputs[0]);
    return graph;
  };
  EXPECT_EQ(rewrite(build(weight), merge_duplicates).notes.rewrites.size(), 1u);
  const ConstantData equal_today = make_constant(random_numbers(4, 1));
  EXPECT_EQ(rewrite(build(equal_today), merge_duplicates).notes.rewrites.size(), 0u);
  EXPECT_EQ(rewrite(build(nullptr), merge_duplicates).notes.rewrites.size(), 0u);
}

TEST(MergeDuplicatesTest, KeepsTwoOutputsAndDifferentOpsApart) {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2});
  const ValueId a = net.add("a", Relu(), {data});
  const ValueId b = net.add("b", Relu(), {data});
  const ValueId c = net.add("c", Relu{{}, 0.5f}, {data});
  const Graph before = net.finish({a, b, c});
  const auto [after, notes] = rewrite(before, merge_duplicates);
  EXPECT_EQ(after.to_text(), before.to_text());
  EXPECT_EQ(notes.refusals, Lines{"'b' computes the same as 'a': both 'a' and 'b' are outputs"});
}

}  // namespace
}  // namespace kissa
