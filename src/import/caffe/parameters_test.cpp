#include "import/caffe/parameters.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "import/caffe/file_testing.h"
#include "import/caffe/import.h"
#include "import/caffe/random_fill.h"
#include "kissa/log.h"

namespace kissa::caffe {
namespace {

const std::string kInput = "input: 'data' input_dim: [1, 3, 1, 1]\n";

std::string ip(const std::string& name, const std::string& rest = "", int num_output = 2) {
  return "layer { name: '" + name + "' type: 'InnerProduct' bottom: 'data' top: '" + name + "' " +
         rest + " inner_product_param { num_output: " + std::to_string(num_output) + " } }\n";
}

struct Weights {
  NetParameter net;

  Weights& add(const std::string& layer, const std::vector<BlobProto>& blobs) {
    LayerParameter& entry = *net.add_layer();
    entry.set_name(layer);
    for (const BlobProto& blob : blobs) *entry.add_blobs() = blob;
    return *this;
  }
};

Graph import_weighted(const std::string& text, const Weights& weights,
                      const ImportOptions& options = {}) {
  const TempFile network("net.prototxt", kInput + text);
  const TempFile model("net.caffemodel", weights.net.SerializeAsString());
  return import_caffe(network.path(), model.path(), options);
}

std::string weights_error(const std::string& text, const Weights& weights) {
  const TempFile network("net.prototxt", kInput + text);
  const TempFile model("net.caffemodel", weights.net.SerializeAsString());
  try {
    import_caffe(network.path(), model.path(), {});
  } catch (const Error& error) {
    return without_path(without_path(error.what(), network.path(), "net"), model.path(), "weights");
  }
  return "no error";
}

const float* data_of(const Graph& graph, NodeId node, std::size_t param) {
  return graph.value(graph.node(node).params.at(param)).data.get();
}

const BlobProto kWeight = make_blob({2, 3}, {1, 2, 3, 4, 5, 6});
const BlobProto kBias = make_blob({2}, {7, 8});

TEST(CaffeParametersTest, TakesWeightsByLayerName) {
  const Graph graph = import_weighted(ip("a") + ip("b"), Weights()
                                                             .add("b", {kWeight, kBias})
                                                             .add("other", {kBias})
                                                             .add("a", {kBias, kBias})
                                                             .add("a", {kWeight, kBias}));
  EXPECT_EQ(data_of(graph, 0, 0)[5], 6.0f);
  EXPECT_EQ(data_of(graph, 1, 1)[1], 8.0f);
}

TEST(CaffeParametersTest, TakesLegacyShapes) {
  const Graph graph =
      import_weighted(ip("a"), Weights().add("a", {make_blob({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}),
                                                   make_blob({1, 1, 1, 2}, {7, 8})}));
  EXPECT_EQ(data_of(graph, 0, 0)[5], 6.0f);
}

TEST(CaffeParametersTest, RefusesWeightsThatDoNotFit) {
  EXPECT_EQ(
      weights_error(ip("a"), Weights().add("a", {make_blob({3, 2}, {1, 2, 3, 4, 5, 6}), kBias})),
      "net:2: layer 'a' (InnerProduct): a.weight is 3x2 in weights, but the network needs "
      "2x3");
  EXPECT_EQ(weights_error(ip("a"), Weights().add("a", {make_blob({2, 3}, {1, 2}), kBias})),
            "net:2: layer 'a' (InnerProduct): a.weight is 2x3 in weights, but holds 2 numbers "
            "instead of 6");
  EXPECT_EQ(weights_error(ip("a"), Weights().add("a", {kWeight})),
            "net:2: layer 'a' (InnerProduct): has 1 blobs in weights, but the network needs 2 "
            "(a.weight, a.bias)");
}

TEST(CaffeParametersTest, SaysWhatIsMissingOrLeftOver) {
  std::string lines;
  set_log_sink([&](LogLevel level, std::string_view line) {
    const std::string text(line);
    lines += (level == LogLevel::kWarning ? "! " : "") + text.substr(text.find(": ") + 2) + "\n";
  });
  const Graph graph =
      import_weighted(ip("a") + ip("b"), Weights().add("a", {kWeight, kBias}).add("c", {kBias}));
  set_log_sink({});
  EXPECT_EQ(lines,
            "! has no weights for layer 'b'\n"
            "weights of layer 'c' are ignored: the network has no such layer\n");
  EXPECT_EQ(data_of(graph, 1, 0), nullptr);
}

TEST(CaffeParametersTest, GivesWeightsToTheFirstLayerOfAName) {
  const Graph graph = import_weighted(ip("a") +
                                          "layer { name: 'a' type: 'InnerProduct' bottom: 'data'"
                                          " top: 'z' inner_product_param { num_output: 2 } }",
                                      Weights().add("a", {kWeight, kBias}));
  EXPECT_NE(data_of(graph, 0, 0), nullptr);
  EXPECT_EQ(data_of(graph, 1, 0), nullptr);
}

TEST(CaffeParametersTest, SharesByName) {
  const std::string shared = "param { name: 'w' } param { name: 'b' }";
  const std::string text = ip("a", shared) + ip("b", shared);
  for (const char* holder : {"a", "b"}) {
    const Graph graph = import_weighted(text, Weights().add(holder, {kWeight, kBias}));
    EXPECT_EQ(graph.node(0).params, graph.node(1).params);
    EXPECT_EQ(graph.value(graph.node(0).params.at(0)).name, "a.weight");
    EXPECT_EQ(data_of(graph, 1, 0)[5], 6.0f) << "from " << holder;
  }
}

TEST(CaffeParametersTest, SharersMustAgreeOnTheShape) {
  EXPECT_EQ(weights_error(ip("a", "param { name: 'w' }") + ip("b", "param { name: 'w' }", 4),
                          Weights().add("a", {kWeight, kBias})),
            "net:3: layer 'b' (InnerProduct): weight must be 4x3, but it shares 'w' with layer "
            "'a', where it is 2x3");
  // 3 numbers as 1x3 weight of one layer, and as bias of 3 of another.
  const std::string permissive = ip("a", "param { name: 'w' }", 1) +
                                 ip("b", "param { } param { name: 'w' share_mode: PERMISSIVE }", 3);
  const Graph graph = import_weighted(
      permissive, Weights().add("a", {make_blob({1, 3}, {1, 2, 3}), make_blob({1}, {4})}));
  EXPECT_EQ(graph.value(graph.node(1).params.at(1)).shape, Shape({3}));
  EXPECT_EQ(data_of(graph, 1, 1), data_of(graph, 0, 0));
  EXPECT_NE(weights_error(ip("a", "param { name: 'w' }") +
                              ip("b", "param { name: 'w' share_mode: PERMISSIVE }", 4),
                          Weights().add("a", {kWeight, kBias})),
            "no error");
}

TEST(CaffeParametersTest, FillsRandomlyWhatTheFileLacks) {
  ImportOptions options;
  options.random_seed = 7;
  const Weights weights = Weights().add("a", {kWeight, kBias});
  const Graph graph = import_weighted(ip("a") + ip("b"), weights, options);
  EXPECT_EQ(data_of(graph, 0, 0)[5], 6.0f);
  const Graph again = import_weighted(ip("b"), weights, options);
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_EQ(data_of(graph, 1, 0)[i], data_of(again, 0, 0)[i]) << i;
  options.random_seed = 8;
  EXPECT_NE(data_of(import_weighted(ip("b"), weights, options), 0, 0)[0], data_of(again, 0, 0)[0]);
}

TEST(CaffeParametersTest, RefusesToFillMoreThanAMachineHolds) {
  const TempFile file("net.prototxt", kInput + ip("a", "", 2'000'000'000));
  ImportOptions options;
  EXPECT_NO_THROW(import_caffe(file.path(), "", options));
  options.random_seed = 1;
  try {
    import_caffe(file.path(), "", options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  }
}

TEST(CaffeRandomFillTest, IsTheSameEverywhere) {
  std::vector<float> numbers(3);
  fill_randomly(numbers, Shape({3, 1}), "weight", 1, "conv1", 0);
  EXPECT_NEAR(numbers[0], 1.14174, 1e-5);
  EXPECT_NEAR(numbers[1], -0.017364, 1e-5);
  EXPECT_NEAR(numbers[2], 1.44194, 1e-5);
}

TEST(CaffeRandomFillTest, KeepsActivationsInBounds) {
  const Shape shape({64, 100});
  std::vector<float> numbers(6400);
  fill_randomly(numbers, shape, "weight", 1, "ip", 0);
  double sum = 0, squares = 0;
  for (const float number : numbers) {
    sum += number;
    squares += double{number} * number;
    EXPECT_LE(std::abs(number), std::sqrt(0.03f));
  }
  EXPECT_NEAR(sum / 6400, 0.0, 0.005);
  EXPECT_NEAR(squares / 6400, 0.01, 0.0005);
  fill_randomly(numbers, shape, "variance", 1, "bn", 1);
  EXPECT_EQ(numbers[17], 1.0f);
  fill_randomly(numbers, shape, "mean", 1, "bn", 0);
  EXPECT_EQ(numbers[17], 0.0f);
}

}  // namespace
}  // namespace kissa::caffe
