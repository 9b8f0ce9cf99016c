#include "compared_layers.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "options.h"
#include "step_profile.h"

namespace kissa::tools {
namespace {

// The blobs that an engine stores, in order, and the layers of the steps that write each.
struct StoredBlobs {
  std::vector<std::string> order;
  std::map<std::string, std::string> layers;
};
StoredBlobs stored_blobs(const Engine& engine) {
  StoredBlobs blobs;
  for (const StepInfo& step : engine.steps()) {
    if (step.layers.empty()) continue;
    for (const TensorInfo& output : step.outputs) {
      std::string& layers = blobs.layers[output.name];
      layers += (layers.empty() ? "" : " + ") + what_runs(step);
      std::erase(blobs.order, output.name);
      blobs.order.push_back(output.name);
    }
  }
  return blobs;
}

}  // namespace

std::vector<LayerDifference> compare_layers(const Model& model, const Way& way_a, const Way& way_b,
                                            const Samples& samples, std::size_t most_samples) {
  const StoredBlobs blobs_a = stored_blobs(way_a.engine);
  const StoredBlobs blobs_b = stored_blobs(way_b.engine);
  EngineOptions a = way_a.options, b = way_b.options;
  std::vector<LayerDifference> layers;
  for (const std::string& blob : blobs_a.order)
    if (blobs_b.layers.contains(blob)) {
      layers.push_back({blob, blobs_b.layers.at(blob)});
      a.fetch.push_back(blob);
    }
  b.fetch = a.fetch;
  const Engine fetching_a = build_engine(model, a);
  const Engine fetching_b = build_engine(model, b);
  Context context_a = fetching_a.create_context();
  Context context_b = fetching_b.create_context();
  const std::size_t count = std::min(samples.names().size(), most_samples);
  for (std::size_t i = 0; i < count; ++i) {
    samples.fill(i, context_a);
    samples.fill(i, context_b);
    context_a.run();
    context_b.run();
    for (LayerDifference& layer : layers) {
      const Difference difference =
          difference_of(context_a.output(layer.blob), context_b.output(layer.blob));
      if (i == 0 || difference.not_finite_b > layer.difference.not_finite_b ||
          difference.relative > layer.difference.relative)
        layer.difference = difference;
    }
  }
  return layers;
}

double default_tolerance(const Engine& a, const Engine& b) {
  for (const Precision precision : {a.precision(), b.precision()})
    if (precision != Precision::kFp32 && precision != Precision::kTf32) return 0.05;
  return a.precision() == b.precision() ? 1e-3 : 1e-2;
}

void print_layers(const std::vector<LayerDifference>& layers, double tolerance) {
  fmt::print("=== Layers ===\n{:>12} {:>11} {:>11} {:>9} {:>9}  {}\n", "largest", "relative",
             "cosine", "bad in A", "bad in B", "blob: layers of B");
  for (const LayerDifference& layer : layers) {
    const Difference& d = layer.difference;
    fmt::print("{:>12.4g} {:>11.3g} {:>11.3g} {:>9} {:>9}  {}: {}{}\n", d.largest, d.relative,
               d.cosine, d.not_finite_a, d.not_finite_b, layer.blob, layer.layers,
               d.not_finite_a + d.not_finite_b > 0 ? "  NaN or infinity"
               : d.parts(tolerance)                ? "  parts"
                                                   : "");
  }
  const std::optional<std::size_t> first = first_parting(layers, tolerance);
  if (!first)
    fmt::print("No layer parts by more than {:g} (relative)\n\n", tolerance);
  else
    fmt::print("The first layer where they part by more than {:g} (relative): {} (blob {})\n\n",
               tolerance, layers[*first].layers, layers[*first].blob);
}

Json layers_json(const std::vector<LayerDifference>& layers, double tolerance) {
  Json rows = Json::array();
  for (const LayerDifference& layer : layers) {
    const Difference& d = layer.difference;
    rows.push_back({{"blob", layer.blob},
                    {"layers", layer.layers},
                    {"max_abs", d.largest},
                    {"relative", d.relative},
                    {"cosine_error", d.cosine},
                    {"not_finite_a", d.not_finite_a},
                    {"not_finite_b", d.not_finite_b},
                    {"parts", d.parts(tolerance)}});
  }
  return rows;
}

}  // namespace kissa::tools
