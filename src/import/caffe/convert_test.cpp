#include "import/caffe/convert.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "import/caffe/file_testing.h"
#include "import/caffe/import.h"
#include "import/caffe/network_file.h"

namespace kissa::caffe {
namespace {

namespace fs = std::filesystem;

constexpr const char* kV1 = R"(name: "old"
input: "x" input_dim: 1 input_dim: 2 input_dim: 5 input_dim: 5
layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" blobs_lr: 2 param: "shared"
         convolution_param { num_output: 3 kernel_size: 3 } }
layers { name: "r" type: RELU bottom: "c" top: "c" relu_param { negative_slope: 0.1 } }
)";
constexpr const char* kV0 = R"(input: "x" input_dim: 1 input_dim: 2 input_dim: 5 input_dim: 5
layers { layer { name: "p" type: "padding" pad: 1 } bottom: "x" top: "p" }
layers { layer { name: "c" type: "conv" num_output: 3 kernelsize: 3 biasterm: false } bottom: "p"
         top: "c" }
)";

std::string graph_text_of(const std::string& prototxt) {
  return import_caffe(prototxt, "", {}).to_text();
}

NetworkFile parse_file(const std::string& path) { return parse_network(read_text(path), path); }

TEST(ConvertTest, OldNetworksMeanTheSameInTodaysFormat) {
  for (const char* text : {kV1, kV0}) {
    const TempFile old("old.prototxt", text), upgraded("new.prototxt", "");
    upgrade_network_file(old.path(), upgraded.path());
    EXPECT_EQ(graph_text_of(upgraded.path()), graph_text_of(old.path()));
    const NetworkFile file = parse_file(upgraded.path());
    EXPECT_EQ(file.net.layers_size(), 0);
    EXPECT_EQ(file.net.input_size(), 0);
    EXPECT_GT(file.net.layer_size(), 0);
  }
}

TEST(ConvertTest, KeepsNamesAndRatesOfParameters) {
  const TempFile old("old.prototxt", kV1), upgraded("new.prototxt", "");
  upgrade_network_file(old.path(), upgraded.path());
  const NetworkFile file = parse_file(upgraded.path());
  ASSERT_EQ(file.net.layer(1).param_size(), 1);
  EXPECT_EQ(file.net.layer(1).param(0).name(), "shared");
  EXPECT_EQ(file.net.layer(1).param(0).lr_mult(), 2.0f);
}

TEST(ConvertTest, OldWeightsAreTheSameNumbers) {
  NetParameter v0, v1;
  V0LayerParameter& inner = *v0.add_layers()->mutable_layer();
  inner.set_name("c");
  inner.set_type("conv");
  v1.add_layers()->set_name("c");
  v1.mutable_layers(0)->set_type(V1LayerParameter::CONVOLUTION);
  for (auto* blobs : {inner.mutable_blobs(), v1.mutable_layers(0)->mutable_blobs()}) {
    *blobs->Add() = make_blob({3, 2, 3, 3}, std::vector<float>(54, 0.25f));
    *blobs->Add() = make_blob({1, 1, 1, 3}, {1.0f, 2.0f, 3.0f});
  }
  const TempFile network("old.prototxt", kV1);
  for (const NetParameter& net : {v0, v1}) {
    const TempFile old("old.caffemodel", net.SerializeAsString()), upgraded("new.caffemodel", "");
    upgrade_weight_file(old.path(), upgraded.path());
    NetParameter today;
    ASSERT_TRUE(today.ParseFromString(read_text(upgraded.path())));
    ASSERT_EQ(today.layer_size(), 1);
    EXPECT_EQ(today.layer(0).type(), "Convolution");
    const Graph graph = import_caffe(network.path(), upgraded.path(), {});
    const Value& bias = graph.value(graph.nodes()[0].params[1]);
    ASSERT_NE(bias.data, nullptr);
    EXPECT_EQ(bias.data.get()[2], 3.0f);
  }
}

TEST(ConvertTest, RefusesWhatIsNoWeightFileAndLeavesNothing) {
  const std::string out = ::testing::TempDir() + "kissa_convert_out";
  for (const char* content : {"", "no weights", "\x0a\x01n"}) {
    const TempFile file("bad.caffemodel", content);
    EXPECT_THROW(upgrade_weight_file(file.path(), out), Error) << content;
    EXPECT_FALSE(fs::exists(out)) << content;
  }
}

}  // namespace
}  // namespace kissa::caffe
