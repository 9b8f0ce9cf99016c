#include "ir/graph_json.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "cases.h"
#include "ir/json.h"
#include "ir/rewrite.h"

namespace kissa {
namespace {

using json::Json;

ConstantData no_data(const Shape&) { return nullptr; }

Graph graph_of(const OpCase& op_case) {
  Graph graph;
  graph.name = op_case.name;
  Node node{.name = op_case.name, .op = op_case.op};
  for (std::size_t i = 0; i < op_case.in.size(); ++i)
    node.inputs.push_back(graph.add_input("x" + std::to_string(i), op_case.in[i]));
  for (const ParamSpec& param : params_of(op_case.op, op_case.in))
    node.params.push_back(graph.add_constant(std::string(param.name), param.shape));
  node.where = "cases.txt:1";
  node.layers = {"a", "b"};
  std::vector<std::string> names(infer(op_case.op, op_case.in).size(), "y");
  graph.add_node(std::move(node), names);
  for (const ValueId id : graph.node(0).outputs) graph.add_output(id);
  return graph;
}

Graph through_json(const Graph& graph) {
  return graph_from_json(Json::parse(to_json(graph).dump()), no_data);
}

// conv -> + residual, relu
Graph residual_graph() {
  Graph graph;
  const ValueId x = graph.add_input("x", {1, 4, 5, 5});
  Convolution conv;
  conv.num_output = 4;
  conv.kernel = conv.stride = conv.dilation = {1, 1};
  conv.pad = {0, 0};
  conv.has_bias = false;
  const ValueId weight =
      graph.add_constant("w", {4, 4, 1, 1}, make_constant(std::vector<float>(16, 0.5f)));
  graph.add_node({.name = "conv",
                  .op = conv,
                  .inputs = {x, x},
                  .params = {weight},
                  .epilogue = {.activation = Activation::kClip,
                               .low = -std::numeric_limits<float>::infinity(),
                               .high = 6.5f,
                               .has_residual = true}},
                 {"y"});
  graph.add_output(2);
  return graph;
}

TEST(GraphJsonTest, EveryOpKeepsItsFields) {
  for (const OpCase& op_case : read_all_cases(KISSA_CASES_DIR)) {
    SCOPED_TRACE(op_case.name);
    const Graph graph = graph_of(op_case);
    const Graph same = through_json(graph);
    EXPECT_EQ(same.node(0).op, op_case.op);
    EXPECT_EQ(same.to_text(), graph.to_text());
    EXPECT_EQ(same.node(0).where, "cases.txt:1");
    EXPECT_EQ(same.node(0).layers, graph.node(0).layers);
  }
}

TEST(GraphJsonTest, EpiloguesAndDataAreKept) {
  const Graph graph = residual_graph();
  const ConstantData data = make_constant(std::vector<float>(16, 2.0f));
  const Graph same = graph_from_json(to_json(graph), [&](const Shape& shape) {
    EXPECT_EQ(shape, (Shape{4, 4, 1, 1}));
    return data;
  });
  EXPECT_EQ(same.node(0).epilogue, graph.node(0).epilogue);
  EXPECT_EQ(same.value(1).data, data);
  EXPECT_EQ(same.to_text(), graph.to_text());
}

TEST(GraphJsonTest, NamesMayBeAnyBytes) {
  for (const std::string& name : {std::string("plain"), std::string("caf\xc3\xa9"),
                                  std::string("latin \xe9\xff"), std::string("nul\0 \x1b", 6)}) {
    std::string same;
    json::read(Json::parse(json::write(name).dump()), same);
    EXPECT_EQ(same, name);
  }
}

TEST(GraphJsonTest, FloatsAreExact) {
  OpCase op_case{.name = "clip", .op = Clip{}, .in = {{2, 3}}, .fills = {}};
  for (const float value : {0.1f, 1e-45f, 3.4e38f, -0.0f, std::numeric_limits<float>::infinity()}) {
    Clip clip;
    clip.min = -value;
    clip.max = value;
    op_case.op = clip;
    const Graph same = through_json(graph_of(op_case));
    EXPECT_EQ(same.node(0).op, op_case.op);
    EXPECT_EQ(std::signbit(std::get<Clip>(same.node(0).op).max), std::signbit(value));
  }
}

// Every number, text and list of a good graph, replaced by what makes no sense there.
TEST(GraphJsonTest, WhatIsNoGraphIsRefused) {
  const Json good = to_json(residual_graph());
  const Json flat = good.flatten();
  int refused = 0;
  for (const auto& [path, value] : flat.items()) {
    for (const Json& bad : {Json(-7), Json(99), Json(1e30), Json("no such"), Json(), Json(true),
                            Json::array({1, 2, 3}), Json::array({-1}), Json::object(),
                            Json(std::numeric_limits<std::int64_t>::max())}) {
      Json broken = good;
      broken[Json::json_pointer(path)] = bad;
      try {
        graph_from_json(broken, no_data);
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::kInternal) << path << " " << bad << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 200);
}

TEST(GraphJsonTest, WhatIsMissingIsNamed) {
  for (const char* key :
       {"/name", "/items", "/outputs", "/items/0/shape", "/items/1/shape", "/items/1/data",
        "/items/2/op", "/items/2/fields", "/items/2/inputs", "/items/2/params", "/items/2/outputs",
        "/items/2/where", "/items/2/layers", "/items/2/fields/kernel", "/items/2/epilogue/low"}) {
    const Json::json_pointer place(key);
    Json broken = to_json(residual_graph());
    broken[place.parent_pointer()].erase(place.back());
    try {
      graph_from_json(broken, no_data);
      ADD_FAILURE() << key << " is not missed";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("'" + place.back() + "' is missing"),
                std::string::npos)
          << error.what();
    }
  }
}

}  // namespace
}  // namespace kissa
