// A network definition with random weights, as all that follows the import treats it: rewritten,
// exported, and run by the references, where that is little work.
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "export/dot.h"
#include "export/onnx.h"
#include "fuzz.h"
#include "import/caffe/import.h"
#include "ir/evaluate.h"
#include "ir/graph_json.h"
#include "passes/pipeline.h"

namespace kissa::fuzz {
namespace {

constexpr std::int64_t kFewNumbers = 1 << 16;
constexpr std::int64_t kLittleWork = 1 << 20;

bool is_little(const Graph& graph) {
  std::int64_t numbers = 0;
  for (const Value& value : graph.values()) {
    if (value.shape.elements() > kFewNumbers) return false;
    numbers += value.shape.elements();
    if (numbers > kFewNumbers) return false;
  }
  std::int64_t work = 0;
  for (const Node& node : graph.nodes()) {
    const std::int64_t flops = graph.work_of(node).arithmetic.flops();
    if (flops > kLittleWork) return false;
    work += flops;
    if (work > kLittleWork) return false;
  }
  return true;
}

void try_onnx(const Graph& graph) {
  const std::string path = "/tmp/kissa_fuzz_" + std::to_string(::getpid()) + ".onnx";
  try {
    export_onnx(graph, path, {});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
  }
  std::remove(path.c_str());
}

// Inputs such as a network may be given by mistake: labels that are none, say.
std::vector<std::vector<float>> odd_inputs(const Graph& graph) {
  constexpr float kOdd[] = {0, 1, -1, 2, 0.5f, -3, 7, 1e9f, -1e30f};
  std::vector<std::vector<float>> inputs;
  for (const ValueId id : graph.inputs()) {
    std::vector<float>& numbers = inputs.emplace_back();
    for (std::int64_t i = 0; i < graph.value(id).shape.elements(); ++i)
      numbers.push_back(kOdd[numbers.size() % std::size(kOdd)]);
  }
  return inputs;
}

void use_network(const std::uint8_t* data, std::size_t size) {
  const NetworkText text = {"net.prototxt", std::string(data, data + size)};
  if (!is_little(import_caffe(text, "", {}))) return;
  ImportOptions options;
  options.random_seed = 1;
  const Graph graph = import_caffe(text, "", options);
  export_dot(graph);
  to_json(graph).dump();
  try_onnx(graph);
  const Graph fused = run_passes(graph).graph;
  fused.verify();
  const auto inputs = odd_inputs(graph);
  evaluate(graph, inputs);
  evaluate(fused, inputs);
}

}  // namespace
}  // namespace kissa::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kissa::fuzz::expect_no_surprise(kissa::fuzz::use_network, data, size);
  return 0;
}
