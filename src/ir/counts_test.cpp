#include "ir/counts.h"

#include <gtest/gtest.h>

#include "ir/rewrite.h"

namespace kissa {
namespace {

// data -> Filter -> ReLU -> InnerProduct over all axes but the first -> Reduction
Graph filtered() {
  Graph graph;
  const ValueId data = graph.add_input("data", {5, 4});
  const ValueId selector = graph.add_input("selector", {5});
  graph.add_node({.name = "filter", .op = Filter(), .inputs = {data, selector}},
                 {"kept", "filter.count"});
  graph.add_node({.name = "relu", .op = Relu(), .inputs = {graph.find_value("kept")}}, {"relu"});
  Flatten flat;
  flat.axis = 0;
  graph.add_node({.name = "flat", .op = flat, .inputs = {graph.find_value("relu")}}, {"flat"});
  return graph;
}

TEST(CountsTest, ItemsKeepTheirCount) {
  const Graph graph = filtered();
  const auto counts = counts_of(graph);
  const auto count = [&](const char* name) {
    return counts[static_cast<std::size_t>(graph.find_value(name))];
  };
  const ValueId expected = graph.find_value("filter.count");
  EXPECT_TRUE(is_count(graph, expected));
  EXPECT_FALSE(is_count(graph, graph.find_value("kept")));
  for (const char* name : {"kept", "relu"}) {
    ASSERT_TRUE(count(name)) << name;
    EXPECT_EQ(count(name)->value, expected);
    EXPECT_EQ(count(name)->axis, 0);
  }
  EXPECT_FALSE(count("data"));
  EXPECT_FALSE(count("flat"));
}

TEST(CountsTest, OutputsComeWithTheirCounts) {
  Graph graph = filtered();
  graph.add_output(graph.find_value("flat"));
  EXPECT_EQ(with_outputs(graph, {}).outputs().size(), 1u);
  const Graph more = with_outputs(graph, {"relu", "kept"});
  EXPECT_EQ(more.outputs(),
            (std::vector<ValueId>{more.find_value("flat"), more.find_value("relu"),
                                  more.find_value("kept"), more.find_value("filter.count")}));
}

}  // namespace
}  // namespace kissa
