// The networks of ../shared (or of $KISSA_SHARED): the passes keep their outputs.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>

#include "../../tools/npy.h"
#include "base/error.h"
#include "import/caffe/import.h"
#include "ir/graph_testing.h"
#include "passes/pipeline.h"

namespace kissa {
namespace {

namespace fs = std::filesystem;

// Multiply-adds that the references do in some seconds; KISSA_TEST_ALL=1 lifts the limit.
constexpr std::int64_t kMaxMultiplyAdds = 150'000'000;

fs::path shared_folder() {
  if (const char* folder = std::getenv("KISSA_SHARED")) return folder;
  return fs::path(__FILE__).parent_path() / "../../../shared";
}

// Lines of inputs.txt: "!stage NAME", "!level N" and "BLOB FILE".
struct Case {
  ImportOptions options = {.input_shapes = {}, .stages = {}, .random_seed = 1};
  std::map<std::string, fs::path> inputs = {};
};

Case read_case(const fs::path& folder) {
  Case result;
  std::ifstream file(folder / "inputs.txt");
  for (std::string word, value; file >> word >> value;) {
    if (word == "!stage") result.options.stages.push_back(value);
    if (word == "!level") result.options.level = std::stoi(value);
    if (word[0] != '!') result.inputs[word] = folder / value;
  }
  return result;
}

std::optional<Graph> try_import(const fs::path& folder, const ImportOptions& options) {
  const fs::path weights = folder / "net.caffemodel";
  try {
    return import_caffe((folder / "net.prototxt").string(),
                        fs::exists(weights) ? weights.string() : "", options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.what();
    return std::nullopt;
  }
}

// The importer's random statistics change nothing, which would show nothing.
void randomise_statistics(Graph& graph) {
  for (std::size_t i = 0; i < graph.values().size(); ++i) {
    const Value& value = graph.values()[i];
    const bool is_variance = value.name.ends_with(".variance");
    if (value.is_constant && (is_variance || value.name.ends_with(".mean")))
      graph.set_data(static_cast<ValueId>(i),
                     make_constant(random_numbers(value.shape.elements(),
                                                  static_cast<std::uint32_t>(i), is_variance)));
  }
}

// The same network for one image; for a small one, where no layer minds.
Graph made_smaller(const Graph& graph) {
  const auto with_images = [&](auto&& change) {
    std::unordered_map<std::string, Shape> shapes;
    for (const ValueId id : graph.inputs())
      if (graph.value(id).shape.rank() == 4)
        shapes.emplace(graph.value(id).name, change(graph.value(id).shape));
    return graph.reshaped(shapes);
  };
  try {
    return with_images([](const Shape& shape) { return Shape{1, shape[1], 64, 64}; });
  } catch (const Error&) {
    return with_images([](const Shape& shape) { return shape.with(0, 1); });
  }
}

std::int64_t multiply_adds(const Graph& graph) {
  std::int64_t sum = 0;
  for (const Node& node : graph.nodes()) sum += graph.work_of(node).arithmetic.multiply_adds;
  return sum;
}

std::vector<std::vector<float>> inputs_of(const Graph& graph, const Case& info) {
  std::vector<std::vector<float>> inputs;
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    const auto file = info.inputs.find(value.name);
    std::vector<float> data;
    if (file != info.inputs.end()) data = tools::read_npy(file->second.string()).data;
    if (static_cast<std::int64_t>(data.size()) != value.shape.elements())
      data = random_numbers(value.shape.elements(), static_cast<std::uint32_t>(id));
    inputs.push_back(std::move(data));
  }
  return inputs;
}

// Within 1e-4 of the largest; what is not finite stays what it is.
void expect_near(const std::vector<float>& got, const std::vector<float>& want,
                 const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  double largest = 0.0;
  double difference = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (!std::isfinite(want[i])) {
      EXPECT_EQ(std::isnan(got[i]), std::isnan(want[i])) << what;
      continue;
    }
    ASSERT_TRUE(std::isfinite(got[i])) << what;
    largest = std::max(largest, std::abs(static_cast<double>(want[i])));
    difference = std::max(difference, std::abs(static_cast<double>(got[i]) - want[i]));
  }
  EXPECT_LE(difference, 1e-4 * largest) << what;
}

class PassesSharedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::is_directory(shared_))
      GTEST_SKIP() << "skipped: no networks at " << shared_ << "; set KISSA_SHARED";
  }

  std::vector<fs::path> sorted(const std::string& folder) const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(shared_ / "conformance" / folder))
      paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  // Runs the passes and compares; counts each pass's rewrites.
  void check(const fs::path& folder) {
    const Case info = read_case(folder);
    std::optional<Graph> graph = try_import(folder, info.options);
    if (!graph) {
      ++not_imported_;
      return;
    }
    randomise_statistics(*graph);
    if (multiply_adds(*graph) > kMaxMultiplyAdds) graph = made_smaller(*graph);
    const PassesResult result = run_passes(*graph);
    for (const PassReport& report : result.reports)
      rewrites_[report.name] += report.notes.rewrites.size();
    ++networks_;
    if (multiply_adds(*graph) > kMaxMultiplyAdds && std::getenv("KISSA_TEST_ALL") == nullptr) {
      too_large_.push_back(folder.filename());
      return;
    }
    const auto inputs = inputs_of(*graph, info);
    const auto want = evaluate(*graph, inputs);
    const auto got = evaluate(result.graph, inputs);
    for (std::size_t k = 0; k < want.size(); ++k)
      expect_near(got[k], want[k], folder.string() + ": " + graph->value(graph->outputs()[k]).name);
  }

  void TearDown() override {
    if (not_imported_ > 0)
      std::cout << "skipped: " << not_imported_ << " networks that are not imported\n";
    if (!too_large_.empty())
      std::cout << "rewritten, but too large to compare without KISSA_TEST_ALL=1: "
                << fmt::format("{}", fmt::join(too_large_, ", ")) << "\n";
  }

  const fs::path shared_ = shared_folder();
  std::map<std::string_view, std::size_t> rewrites_;
  int networks_ = 0;
  int not_imported_ = 0;
  std::vector<std::string> too_large_;
};

TEST_F(PassesSharedTest, KeepTheOutputsOfEveryLayerCase) {
  for (const fs::path& folder : sorted("layers")) check(folder);
  EXPECT_GT(networks_, 100);
  for (const char* pass : {"drop_no_ops", "fold_affine_after", "fuse_activation"})
    EXPECT_GT(rewrites_[pass], 0u) << pass;
}

TEST_F(PassesSharedTest, KeepTheOutputsOfNetworks) {
  for (const char* kind : {"models", "networks", "ssd"})
    for (const fs::path& folder : sorted(kind)) check(folder);
  EXPECT_GT(networks_, 20);
  for (const char* pass : {"drop_no_ops", "fold_affine_after", "fuse_residual", "fuse_activation"})
    EXPECT_GT(rewrites_[pass], 0u) << pass;
}

}  // namespace
}  // namespace kissa
