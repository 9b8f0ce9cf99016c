#include "ir/evaluate.h"

#include "ir/graph_testing.h"

namespace kissa {
namespace {

using Arrays = std::vector<std::vector<float>>;

TEST(EvaluateTest, RunsNodesInOrder) {
  TestGraph net;
  const ValueId a = net.input("a", {2});
  const ValueId b = net.input("b", {2});
  const ValueId sum = net.add("sum", Eltwise(), {a, b});
  const auto parts = net.add_all("parts", Slice{.axis = 0, .outputs = 2, .points = {}}, {sum},
                                 {"first", "second"});
  const Graph graph = net.finish({parts[1], sum, b, sum});
  EXPECT_EQ(evaluate(graph, {{1, 2}, {10, 20}}), (Arrays{{22}, {11, 22}, {10, 20}, {11, 22}}));
}

TEST(EvaluateTest, AppliesEpilogues) {
  Graph graph;
  const ValueId data = graph.add_input("data", {1, 2});
  const ValueId weight = graph.add_constant("w", {2, 2}, make_constant({1, 2, 3, 4}));
  const ValueId bias = graph.add_constant("b", {2}, make_constant({5, -20}));
  const NodeId node =
      graph.add_node({.name = "ip",
                      .op = InnerProduct{.num_output = 2},
                      .inputs = {data, data},
                      .params = {weight, bias},
                      .epilogue = {.activation = Activation::kRelu, .has_residual = true}},
                     {"ip"});
  graph.add_output(graph.node(node).outputs[0]);
  EXPECT_EQ(evaluate(graph, {{1, 2}}), (Arrays{{5 + 1 + 4 + 1, 0}}));
}

TEST(EvaluateTest, RefusesWhatDoesNotFit) {
  TestGraph net;
  const ValueId data = net.input("data", {2});
  Graph graph = net.finish({net.add("bias", Bias{.axis = 0}, {data})});
  EXPECT_THROW(evaluate(graph, {}), Error);
  EXPECT_THROW(evaluate(graph, {{1}}), Error);
  EXPECT_EQ(evaluate(graph, {{1, 2}}).size(), 1u);
  graph.set_data(graph.nodes()[0].params[0], nullptr);
  EXPECT_THROW(evaluate(graph, {{1, 2}}), Error);
}

}  // namespace
}  // namespace kissa
