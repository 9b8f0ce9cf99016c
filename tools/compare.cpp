// kissa compare: two ways to run one network, their predictions side by side, and the first layer
// where they part.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "commands.h"
#include "configuration.h"
#include "difference.h"
#include "interrupt.h"
#include "labels.h"
#include "progress.h"
#include "result.h"
#include "samples.h"
#include "step_profile.h"
#include "topk.h"

namespace kissa::tools {
namespace {

struct CompareOptions {
  std::string a;
  std::string b;
  NetworkOptions network;
  EngineOptions engine;
  SampleOptions samples;
  std::string labels;
  double tolerance = 0;  // 0: by the precisions
  std::int64_t layer_samples = 1;
  std::int64_t shown = 3;
  bool layers = true;
  std::string json;
  std::string save_a;
  std::string save_b;
};

bool is_saved(const std::string& text) { return text.ends_with(".json"); }

// What one side gave: the first output's values for every sample.
struct Side {
  std::string title;
  Json setting;
  std::string output;
  std::vector<std::string> names;
  std::vector<std::vector<float>> rows;
};

Side read_side(const std::string& path) {
  const Json document = read_result(path);
  if (document.value("what", "") != "outputs")
    fail(ErrorCode::kInvalidFile,
         "{}: holds no outputs (kissa compare --save-a writes them); two studies are compared by "
         "'kissa study --against'",
         path);
  try {
    return {path, document.at("setting"), document.at("output").get<std::string>(),
            document.at("names").get<std::vector<std::string>>(),
            document.at("values").get<std::vector<std::vector<float>>>()};
  } catch (const Json::exception& error) {
    fail(ErrorCode::kInvalidFile, "{}: is not as expected: {}", path, error.what());
  }
}

void save_side(const Side& side, const std::string& network, const std::string& path) {
  Json document = new_result("outputs", network, side.setting.value("device", "cpu"));
  document["setting"] = side.setting;
  document["output"] = side.output;
  document["names"] = side.names;
  document["values"] = side.rows;
  write_json(document, path);
}

Side run_side(const std::string& title, const Engine& engine, const Samples& samples) {
  const InterruptGuard guard;
  const TensorInfo output = engine.outputs().front();
  Side side{title, setting_json(engine, 1), output.name, {}, {}};
  Context context = engine.create_context();
  Progress progress(samples.names().size());
  for (std::size_t i = 0; i < samples.names().size(); ++i) {
    if (i > 0 && interrupted()) break;
    samples.fill(i, context);
    context.run();
    const std::span<const float> values = context.output(output.name);
    side.rows.emplace_back(values.begin(), values.end());
    side.names.push_back(samples.names()[i]);
    progress.advance(1);
  }
  return side;
}

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

// Blobs that both engines store are fetched from both, so that what is fused stays fused.
std::vector<LayerDifference> compare_layers(const CompareOptions& options, const Model& model,
                                            EngineOptions a, EngineOptions b,
                                            const Engine& engine_a, const Engine& engine_b,
                                            const Samples& samples) {
  const StoredBlobs blobs_a = stored_blobs(engine_a);
  const StoredBlobs blobs_b = stored_blobs(engine_b);
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
  const auto count =
      std::min(samples.names().size(), static_cast<std::size_t>(options.layer_samples));
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

struct Summary {
  std::size_t images = 0;
  std::size_t top1 = 0;
  std::size_t common_top5 = 0;
  double largest = 0;
  std::string largest_name;
  std::size_t distributions = 0;
  double sum_divergence = 0;
  double most_divergence = 0;
};

Summary summarize_agreement(const Side& a, const Side& b) {
  Summary summary;
  for (std::size_t i = 0; i < std::min(a.rows.size(), b.rows.size()); ++i) {
    const RowAgreement row = agreement_of(a.rows[i], b.rows[i]);
    ++summary.images;
    if (row.top1) ++summary.top1;
    summary.common_top5 += row.common_top5;
    if (summary.largest_name.empty() || row.largest > summary.largest) {
      summary.largest = row.largest;
      summary.largest_name = a.names[i];
    }
    if (!row.divergence) continue;
    ++summary.distributions;
    summary.sum_divergence += *row.divergence;
    summary.most_divergence = std::max(summary.most_divergence, *row.divergence);
  }
  return summary;
}

std::string label_of(const std::vector<std::string>& labels, std::size_t index) {
  return index < labels.size() ? labels[index] : fmt::format("class {}", index);
}

void print_side_by_side(const CompareOptions& options, const Side& a, const Side& b,
                        const std::vector<std::string>& labels) {
  constexpr std::size_t kRows = 5;
  fmt::print("=== Predictions ===\n");
  const auto count = std::min(a.rows.size(), static_cast<std::size_t>(options.shown));
  for (std::size_t i = 0; i < count; ++i) {
    fmt::print("{}\n{:>12} {:>12} {:>12}  {}\n", a.names[i], "A", "B", "B - A", "class");
    for (const std::size_t index : top_k(a.rows[i], kRows)) {
      const float from = a.rows[i][index], to = b.rows[i][index];
      fmt::print("{:>12.6f} {:>12.6f} {:>+12.6f}  {}\n", from, to, to - from,
                 label_of(labels, index));
    }
    const std::size_t best_a = top_k(a.rows[i], 1).front();
    const std::size_t best_b = top_k(b.rows[i], 1).front();
    if (best_a != best_b) fmt::print("B takes it for: {}\n", label_of(labels, best_b));
  }
  fmt::print("\n");
}

void print_agreement(const Summary& summary) {
  const auto n = static_cast<double>(std::max<std::size_t>(summary.images, 1));
  fmt::print("=== Agreement ===\nInputs: {}\n", summary.images);
  fmt::print("Top-1: {} agree ({:.2f} %)\n", summary.top1,
             100 * static_cast<double>(summary.top1) / n);
  fmt::print("Top-5: {:.2f} of five in common (mean)\n",
             static_cast<double>(summary.common_top5) / n);
  fmt::print("Largest difference: {:.6g} ({})\n", summary.largest, summary.largest_name);
  if (summary.distributions > 0)
    fmt::print("KL divergence of B from A: {:.3g} nats (mean), {:.3g} (most)\n",
               summary.sum_divergence / static_cast<double>(summary.distributions),
               summary.most_divergence);
}

Json to_json(const std::vector<LayerDifference>& layers, double tolerance) {
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

Json best_of(const std::vector<float>& row, const std::vector<std::string>& labels) {
  Json best = Json::array();
  for (const std::size_t index : top_k(row, 5))
    best.push_back({{"index", index}, {"label", label_of(labels, index)}, {"value", row[index]}});
  return best;
}

Json predictions_json(const Side& a, const Side& b, const std::vector<std::string>& labels) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < std::min(a.rows.size(), b.rows.size()); ++i) {
    const RowAgreement agreement = agreement_of(a.rows[i], b.rows[i]);
    rows.push_back({{"name", a.names[i]},
                    {"a", best_of(a.rows[i], labels)},
                    {"b", best_of(b.rows[i], labels)},
                    {"top1", agreement.top1},
                    {"common_top5", agreement.common_top5},
                    {"max_abs", agreement.largest},
                    {"divergence", agreement.divergence ? Json(*agreement.divergence) : Json()}});
  }
  return rows;
}

Json agreement_json(const Summary& summary) {
  return {{"inputs", summary.images},
          {"top1", summary.top1},
          {"common_top5", summary.common_top5},
          {"max_abs", summary.largest},
          {"max_abs_name", summary.largest_name},
          {"mean_divergence",
           summary.distributions > 0
               ? Json(summary.sum_divergence / static_cast<double>(summary.distributions))
               : Json()},
          {"max_divergence", summary.distributions > 0 ? Json(summary.most_divergence) : Json()}};
}

void check_sides(const Side& a, const Side& b) {
  if (a.rows.empty() || b.rows.empty())
    fail(ErrorCode::kInvalidArgument, "there is nothing to compare: give images");
  if (a.names != b.names && !interrupted())
    fail(ErrorCode::kInvalidArgument, "{} and {} are of other inputs: give the same images",
         a.title, b.title);
  for (std::size_t i = 0; i < std::min(a.rows.size(), b.rows.size()); ++i)
    if (a.rows[i].size() != b.rows[i].size() || a.rows[i].empty())
      fail(ErrorCode::kInvalidArgument, "{} gives {} numbers and {} gives {}: other networks?",
           a.title, a.rows[i].size(), b.title, b.rows[i].size());
}

// Both sides, run or read; layers where both were run.
struct Comparison {
  Side a;
  Side b;
  std::string network;
  std::vector<LayerDifference> layers;
  double tolerance = 0;
};

Comparison make_comparison(const CompareOptions& options) {
  if (is_saved(options.a) && is_saved(options.b))
    return {read_side(options.a), read_side(options.b), "", {}, options.tolerance};
  if (options.network.prototxt.empty())
    fail(ErrorCode::kInvalidArgument, "give the network (prototxt) after the configurations");
  const Model model = load_network(options.network, 1);
  const Samples samples(options.samples, model.inputs());
  const EngineOptions ways[2] = {
      is_saved(options.a) ? options.engine : parse_configuration(options.a, options.engine),
      is_saved(options.b) ? options.engine : parse_configuration(options.b, options.engine)};
  std::optional<Engine> engines[2];
  Side sides[2];
  for (int i = 0; i < 2; ++i) {
    const std::string& text = i == 0 ? options.a : options.b;
    if (is_saved(text)) {
      sides[i] = read_side(text);
      continue;
    }
    engines[i] = build_engine(model, ways[i]);
    sides[i] = run_side(text, *engines[i], samples);
  }
  Comparison comparison{std::move(sides[0]), std::move(sides[1]), model.name(), {}, 0};
  if (!engines[0] || !engines[1]) return comparison;
  comparison.tolerance =
      options.tolerance > 0 ? options.tolerance : default_tolerance(*engines[0], *engines[1]);
  if (options.layers && !interrupted())
    comparison.layers =
        compare_layers(options, model, ways[0], ways[1], *engines[0], *engines[1], samples);
  return comparison;
}

void compare(const CompareOptions& options) {
  const Comparison comparison = make_comparison(options);
  const Side& a = comparison.a;
  const Side& b = comparison.b;
  check_sides(a, b);
  const std::vector<std::string> labels =
      options.labels.empty() ? std::vector<std::string>() : read_labels(options.labels);
  fmt::print("=== Compared ===\nA: {} {}\nB: {} {}\n\n", a.title, to_line(a.setting), b.title,
             to_line(b.setting));
  print_side_by_side(options, a, b, labels);
  const Summary summary = summarize_agreement(a, b);
  if (!comparison.layers.empty()) print_layers(comparison.layers, comparison.tolerance);
  print_agreement(summary);
  if (!options.save_a.empty()) save_side(a, comparison.network, options.save_a);
  if (!options.save_b.empty()) save_side(b, comparison.network, options.save_b);
  if (options.json.empty()) return;
  Json document = new_result("compare", comparison.network, b.setting.value("device", "cpu"));
  document["complete"] = !interrupted();
  document["a"] = a.setting;
  document["b"] = b.setting;
  document["tolerance"] = comparison.tolerance;
  document["layers"] = to_json(comparison.layers, comparison.tolerance);
  const auto first = first_parting(comparison.layers, comparison.tolerance);
  document["first"] = first ? Json(comparison.layers[*first].layers) : Json();
  document["predictions"] = predictions_json(a, b, labels);
  document["agreement"] = agreement_json(summary);
  write_json(document, options.json);
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa compare fp32 bf16 deploy.prototxt net.caffemodel --images val --labels words.txt\n"
    "  kissa compare caffe fused deploy.prototxt --random-weights 1\n"
    "  kissa compare fp32 cuda,fp16 deploy.prototxt net.caffemodel --images val --save-b gpu.json\n"
    "  kissa compare cpu.json gpu.json\n"
    "A and B are modes, precisions and devices, separated by commas; or saved outputs.\n";

}  // namespace

void add_compare(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "compare", "Compare two ways to run a network: predictions, and the first layer that parts");
  auto options = std::make_shared<CompareOptions>();
  options->engine.build_seconds = 0;
  command.footer(kExamples);
  command
      .add_option("a", options->a, "A configuration, as in caffe or cuda,fp16; or saved outputs")
      ->type_name("A")
      ->required();
  command.add_option("b", options->b, "The other")->type_name("B")->required();
  command.add_option("net", options->network.prototxt, "Network definition (prototxt)")
      ->type_name("FILE");
  command
      .add_option("weights", options->network.weights,
                  "Weights (caffemodel); - or nothing for none")
      ->type_name("FILE");
  add_random_weights(command, options->network);
  add_network_rules(command, options->network);
  add_sample_options(command, options->samples);
  command.add_option("--labels", options->labels, "Names of the classes, one a line")
      ->type_name("FILE");
  command
      .add_option("--tolerance", options->tolerance,
                  "Relative difference from which layers part (0.001 for FP32, 0.05 for less)")
      ->type_name("T")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--layer-inputs", options->layer_samples,
                  "On how many inputs layers are compared (1)")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command.add_option("--show", options->shown, "Of how many inputs predictions are printed (3)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command.add_flag("!--no-layers", options->layers, "Compare predictions only");
  command.add_option("--threads", options->engine.threads, "Threads of the CPU (0: all)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--build-seconds", options->engine.build_seconds,
                  "Seconds to measure kernels before (0: their usual order)")
      ->type_name("S");
  command.add_option("--save-a", options->save_a, "Write A's outputs, to compare them later")
      ->type_name("FILE");
  command.add_option("--save-b", options->save_b, "Write B's outputs")->type_name("FILE");
  command.add_option("--json", options->json, "Also write the result as JSON")->type_name("FILE");
  command.callback([options] { compare(*options); });
}

}  // namespace kissa::tools
