#include "ir/rewrite.h"

#include "ir/graph_testing.h"

namespace kissa {
namespace {

// data -> a -> b -> c, and d reads a too.
Graph small_graph() {
  TestGraph net;
  const ValueId data = net.input("data", {1, 2});
  const ValueId a = net.add("a", Relu(), {data});
  const ValueId b = net.add("b", Scale(), {a});
  const ValueId c = net.add("c", TanH(), {b});
  return net.finish({c, net.add("d", Sigmoid(), {a})});
}

ValueId output_of(const Rewriter& graph, NodeId id) { return graph.node(id).outputs[0]; }

TEST(RewriterTest, ChangesNothingByItself) {
  const Graph graph = small_graph();
  const Graph same = Rewriter(graph).build();
  EXPECT_EQ(same.to_text(), graph.to_text());
  EXPECT_EQ(same.nodes()[1].layers, graph.nodes()[1].layers);
  EXPECT_EQ(same.nodes()[1].where, "net:b");
}

TEST(RewriterTest, KnowsWhoReads) {
  const Graph graph = small_graph();
  const Rewriter rewriter(graph);
  EXPECT_EQ(rewriter.why_needed(output_of(rewriter, 0), 1), "'a' is also read by 'd'");
  EXPECT_EQ(rewriter.why_needed(output_of(rewriter, 1), 2), std::nullopt);
  EXPECT_EQ(rewriter.why_needed(output_of(rewriter, 2), kNone), "'c' is an output");
}

TEST(RewriterTest, FusesAndForgetsConstantsThatNothingReads) {
  const Graph graph = small_graph();
  Rewriter rewriter(graph);
  Node fused = rewriter.node(2);
  fused.inputs = rewriter.node(1).inputs;
  rewriter.fuse({1, 2}, fused);
  EXPECT_FALSE(rewriter.is_live(1));
  EXPECT_EQ(rewriter.readers(output_of(rewriter, 0)), (std::vector<NodeId>{3, 2}));
  const Graph after = rewriter.build();
  after.verify();
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x2]
%1 a [1x2] = relu(%0)
%2 c [1x2] = tanh(%1)
%3 d [1x2] = sigmoid(%1)
output %2, %3
)");
  EXPECT_EQ(after.nodes()[1].layers, (std::vector<std::string>{"b", "c"}));
}

TEST(RewriterTest, RedirectsReadersAndOutputs) {
  const Graph graph = small_graph();
  Rewriter rewriter(graph);
  rewriter.redirect(output_of(rewriter, 0), rewriter.node(0).inputs[0]);
  rewriter.remove(0);
  rewriter.redirect(output_of(rewriter, 2), output_of(rewriter, 1));
  rewriter.remove(2);
  const Graph after = rewriter.build();
  after.verify();
  EXPECT_EQ(after.to_text(), R"(graph ''
input %0 data [1x2]
%2 c [1x2] = scale(%0) with %1 b.scale [2]
%3 d [1x2] = sigmoid(%0)
output %2, %3
)");
}

TEST(RewriterTest, RefusesToLoseAnOutput) {
  const Graph graph = small_graph();
  Rewriter rewriter(graph);
  EXPECT_EQ(rewriter.refuse_redirect(output_of(rewriter, 3), output_of(rewriter, 2)),
            "both 'c' and 'd' are outputs");
  EXPECT_EQ(rewriter.refuse_redirect(output_of(rewriter, 2), rewriter.node(0).inputs[0]),
            "'c' is an output, and 'data' an input");
  EXPECT_THROW(rewriter.remove(2), Error);
}

TEST(WithOutputsTest, AddsEachOnceAndSuggestsNames) {
  const Graph graph = with_outputs(small_graph(), {"a", "c", "a", "data"});
  EXPECT_EQ(graph.outputs().size(), 4u);
  try {
    with_outputs(small_graph(), {"date"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "there is no blob 'date' in this network to fetch; did you mean 'data'?");
  }
}

}  // namespace
}  // namespace kissa
