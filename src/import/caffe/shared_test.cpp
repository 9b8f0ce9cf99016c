// The networks of ../shared (or of $KISSA_SHARED): every one is imported or refused in so many
// words, and where Caffe's shapes are known, all shapes are Caffe's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "import/caffe/convert.h"
#include "import/caffe/file_testing.h"
#include "import/caffe/import.h"

namespace kissa::caffe {
namespace {

namespace fs = std::filesystem;

fs::path shared_folder() {
  if (const char* folder = std::getenv("KISSA_SHARED")) return folder;
  return fs::path(__FILE__).parent_path() / "../../../../shared";
}

class CaffeSharedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::is_directory(shared_))
      GTEST_SKIP() << "skipped: no networks at " << shared_ << "; set KISSA_SHARED";
  }

  std::vector<fs::path> sorted(const fs::path& folder) const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(shared_ / folder))
      paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  const fs::path shared_ = shared_folder();
};

// The state that a conformance case asks for: lines "!stage NAME" and "!level N" of inputs.txt.
ImportOptions options_of(const fs::path& folder) {
  ImportOptions options;
  std::ifstream file(folder / "inputs.txt");
  for (std::string word, value; file >> word >> value;) {
    if (word == "!stage") options.stages.push_back(value);
    if (word == "!level") options.level = std::stoi(value);
  }
  return options;
}

// A case folder's network, or the reason for which it is refused.
struct Outcome {
  std::optional<Graph> graph;
  std::optional<ErrorCode> code = {};
  std::string text = {};
};

Outcome try_import(const fs::path& prototxt, const fs::path& caffemodel,
                   const ImportOptions& options) {
  try {
    return {import_caffe(prototxt, fs::exists(caffemodel) ? caffemodel.string() : "", options)};
  } catch (const Error& error) {
    return {std::nullopt, error.code(), error.what()};
  }
}

void expect_same_constants(const Graph& a, const Graph& b) {
  for (ValueId id = 0; id < static_cast<ValueId>(a.values().size()); ++id) {
    const float* data = a.value(id).data.get();
    const float* other = b.value(id).data.get();
    ASSERT_EQ(data == nullptr, other == nullptr) << a.value(id).name;
    if (data != nullptr)
      EXPECT_TRUE(std::equal(data, data + a.value(id).shape.elements(), other)) << a.value(id).name;
  }
}

struct Tensors {
  std::map<std::string, Shape> tops;
  std::vector<Shape> params;
};

// What each layer of the file makes, by its name.
std::map<std::string, Tensors> tensors_by_layer(const Graph& graph) {
  std::map<std::string, Tensors> layers;
  for (const Node& node : graph.nodes()) {
    Tensors& tensors = layers[node.layers.at(0)];
    for (const ValueId id : node.outputs)
      tensors.tops[graph.value(id).name] = graph.value(id).shape;
    tensors.params = graph.shapes_of(node.params);
  }
  return layers;
}

// Caffe knows the number of detections after a run only, and says 1 before.
std::string shape_before_a_run(const std::string& type, const Shape& shape) {
  return (type == "DetectionOutput" ? shape.with(2, 1) : shape).to_string();
}

// A label of a data layer, which Kissa leaves out.
bool is_label(const nlohmann::json& layer, std::size_t top) {
  return layer.at("type") == "AnnotatedData" && top == 1;
}

Shape to_shape(const nlohmann::json& dims) { return Shape(dims.get<std::vector<std::int64_t>>()); }

void expect_shapes(const Graph& graph, const fs::path& shapes_json, const std::string& name) {
  const nlohmann::json net = nlohmann::json::parse(std::ifstream(shapes_json));
  const auto layers = tensors_by_layer(graph);
  std::map<std::string, Shape> inputs;
  for (const ValueId id : graph.inputs()) inputs[graph.value(id).name] = graph.value(id).shape;
  auto expected_outputs = net.at("outputs").get<std::vector<std::string>>();
  for (const nlohmann::json& layer : net.at("layers")) {
    // Caffe splits each blob that several layers read.
    if (layer.at("type") == "Split" && layer.at("name").get<std::string>().ends_with("_split"))
      continue;
    const auto tops = layer.at("tops").get<std::vector<std::string>>();
    const auto found = layers.find(layer.at("name"));
    for (std::size_t i = 0; i < tops.size(); ++i) {
      const Shape expected = to_shape(layer.at("top_shapes").at(i));
      if (is_label(layer, i)) {
        std::erase(expected_outputs, tops[i]);
        continue;
      }
      const std::string where =
          name + ": " + layer.at("name").get<std::string>() + " -> " + tops[i];
      if (layer.at("bottoms").empty())
        EXPECT_EQ(inputs[tops[i]].to_string(), expected.to_string()) << where;
      else if (found == layers.end() || !found->second.tops.contains(tops[i]))
        ADD_FAILURE() << where << " is missing";
      else
        EXPECT_EQ(shape_before_a_run(layer.at("type"), found->second.tops.at(tops[i])),
                  expected.to_string())
            << where;
    }
    const auto& params = layer.at("params");
    if (params.empty() || found == layers.end()) continue;
    ASSERT_EQ(found->second.params.size(), params.size()) << name << ": " << layer.at("name");
    for (std::size_t i = 0; i < params.size(); ++i)
      EXPECT_EQ(found->second.params[i].to_string(), to_shape(params[i]).to_string())
          << name << ": " << layer.at("name");
  }
  std::vector<std::string> outputs;
  for (const ValueId id : graph.outputs()) outputs.push_back(graph.value(id).name);
  EXPECT_EQ(outputs, expected_outputs) << name;
}

TEST_F(CaffeSharedTest, ImportsEveryCase) {
  for (const char* kind : {"layers", "models", "networks", "ssd"})
    for (const fs::path& folder : sorted(fs::path("conformance") / kind)) {
      const Outcome outcome =
          try_import(folder / "net.prototxt", folder / "net.caffemodel", options_of(folder));
      EXPECT_TRUE(outcome.graph) << outcome.text;
      if (!outcome.graph || !fs::exists(folder / "net.caffemodel")) continue;
      for (const Value& value : outcome.graph->values())
        EXPECT_TRUE(!value.is_constant || value.data) << folder << ": " << value.name;
    }
}

TEST_F(CaffeSharedTest, GivesCaffesShapes) {
  int compared = 0;
  const auto compare = [&](const fs::path& prototxt, const fs::path& shapes) {
    const Outcome outcome = try_import(prototxt, "", {});
    ASSERT_TRUE(outcome.graph) << outcome.text;
    expect_shapes(*outcome.graph, shapes, prototxt.string());
    ++compared;
  };
  // Caffe ran ref.prototxt where it does not have a type of net.prototxt.
  for (const fs::path& folder : sorted("conformance/networks")) {
    const fs::path reference = folder / "ref.prototxt";
    compare(fs::exists(reference) ? reference : folder / "net.prototxt", folder / "shapes.json");
  }
  for (const fs::path& shapes : sorted("prototxts/shapes"))
    compare(shared_ / "prototxts" / shapes.stem().concat(".prototxt"), shapes);
  EXPECT_GT(compared, 60);
}

TEST_F(CaffeSharedTest, RefusesWhatCaffeRefuses) {
  for (const fs::path& folder : sorted("conformance/errors")) {
    const Outcome outcome =
        try_import(folder / "net.prototxt", folder / "net.caffemodel", options_of(folder));
    EXPECT_FALSE(outcome.graph) << folder;
    EXPECT_TRUE(outcome.text.starts_with(folder.string())) << outcome.text;
    EXPECT_EQ(outcome.text.find('\n'), std::string::npos) << outcome.text;
    EXPECT_NE(outcome.code, ErrorCode::kInternal) << outcome.text;
  }
}

TEST_F(CaffeSharedTest, ImportsOrRefusesEveryNetworkOfTheWild) {
  int imported = 0;
  for (const fs::path& path : sorted("prototxts")) {
    if (path.extension() != ".prototxt") continue;
    const Outcome outcome = try_import(path, "", {});
    imported += outcome.graph.has_value();
    if (outcome.graph) continue;
    EXPECT_TRUE(outcome.text.starts_with(path.string())) << outcome.text;
    EXPECT_NE(outcome.code, ErrorCode::kInternal) << outcome.text;
  }
  EXPECT_GT(imported, 60);
}

TEST_F(CaffeSharedTest, OldNetworksAreTheSameAfterAnUpgrade) {
  const TempFile network("upgraded.prototxt", ""), weights("upgraded.caffemodel", "");
  int upgraded = 0;
  const auto compare = [&](const fs::path& prototxt, const fs::path& caffemodel) {
    const NetworkText text = read_network_text(prototxt.string());
    if (text.text.find("layers") == text.text.npos) return;
    const bool has_weights = fs::exists(caffemodel);
    const Outcome old = try_import(prototxt, caffemodel, {});
    if (!old.graph) return;
    SCOPED_TRACE(prototxt);
    upgrade_network_file(prototxt.string(), network.path());
    if (has_weights) upgrade_weight_file(caffemodel.string(), weights.path());
    const Outcome today = try_import(network.path(), has_weights ? weights.path() : "none", {});
    ASSERT_TRUE(today.graph) << today.text;
    EXPECT_EQ(today.graph->to_text(), old.graph->to_text());
    expect_same_constants(*today.graph, *old.graph);
    ++upgraded;
  };
  for (const char* kind : {"layers", "models", "networks"})
    for (const fs::path& folder : sorted(fs::path("conformance") / kind))
      compare(folder / "net.prototxt", folder / "net.caffemodel");
  for (const fs::path& path : sorted("prototxts"))
    if (path.extension() == ".prototxt") compare(path, {});
  EXPECT_GT(upgraded, 15);
}

}  // namespace
}  // namespace kissa::caffe
