// kissa compare: two ways to run one network, their predictions side by side, and the first layer
// where they part.
#include <fmt/core.h>

#include "base/error.h"
#include "commands.h"
#include "compared_layers.h"
#include "compared_predictions.h"
#include "compared_side.h"
#include "compared_times.h"
#include "configuration.h"
#include "interrupt.h"
#include "labels.h"

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

// Both sides, run or read; layers where both were run.
struct Comparison {
  Side a;
  Side b;
  std::string network;
  std::vector<LayerDifference> layers;
  double tolerance = 0;
};

Side read_side(const std::string& path) { return side_of(read_result(path), path); }

Comparison make_comparison(const CompareOptions& options) {
  if (is_saved(options.a) && is_saved(options.b))
    return {read_side(options.a), read_side(options.b), "", {}, options.tolerance};
  if (options.network.prototxt.empty())
    fail(ErrorCode::kInvalidArgument, "give the network (prototxt) after the configurations");
  const Model model = load_network(options.network, 1);
  const Samples samples(options.samples, model.inputs());
  std::optional<Way> ways[2];
  Side sides[2];
  for (int i = 0; i < 2; ++i) {
    const std::string& text = i == 0 ? options.a : options.b;
    if (is_saved(text)) {
      sides[i] = read_side(text);
      continue;
    }
    const EngineOptions way = parse_configuration(text, options.engine);
    ways[i] = Way{way, build_engine(model, way)};
    sides[i] = run_side(text, ways[i]->engine, samples);
  }
  Comparison comparison{std::move(sides[0]), std::move(sides[1]), model.name(), {}, 0};
  if (!ways[0] || !ways[1]) return comparison;
  comparison.tolerance = options.tolerance > 0
                             ? options.tolerance
                             : default_tolerance(ways[0]->engine, ways[1]->engine);
  if (options.layers && !interrupted())
    comparison.layers = compare_layers(model, *ways[0], *ways[1], samples,
                                       static_cast<std::size_t>(options.layer_samples));
  return comparison;
}

std::string describe_result(const Json& result, const std::string& path) {
  const auto text = [](const Json& of, const char* key) {
    return of.contains(key) && of[key].is_string() ? of[key].get<std::string>() : std::string();
  };
  const Json machine = result.value("machine", Json::object());
  const std::string gpu = text(machine, "gpu");
  return fmt::format("{}: {} of {}, {}, {}", path, text(result, "what"), text(result, "network"),
                     text(result, "date"), gpu.empty() ? text(machine, "cpu") : gpu);
}

// Two results of commands that measure; false where they are others.
bool compare_saved_times(const CompareOptions& options) {
  if (!is_saved(options.a) || !is_saved(options.b)) return false;
  const Json a = read_result(options.a);
  const Json b = read_result(options.b);
  if (!holds_times(a) || !holds_times(b)) return false;
  const auto both = [&] { return options.a + ", " + options.b; };
  const Json compared = with_context(both, [&] { return compare_times(a, b); });
  const std::string titles[2] = {describe_result(a, options.a), describe_result(b, options.b)};
  fmt::print("=== Compared ===\nA: {}\nB: {}\n\n", titles[0], titles[1]);
  print_times(compared);
  if (options.json.empty()) return true;
  Json document = new_result("compared-times", b.value("network", ""), "cpu");
  document["a"] = titles[0];
  document["b"] = titles[1];
  document.update(compared);
  write_json(document, options.json);
  return true;
}

void compare(const CompareOptions& options) {
  if (compare_saved_times(options)) return;
  const Comparison comparison = make_comparison(options);
  const Side& a = comparison.a;
  const Side& b = comparison.b;
  check_sides(a, b);
  const std::vector<std::string> labels =
      options.labels.empty() ? std::vector<std::string>() : read_labels(options.labels);
  fmt::print("=== Compared ===\nA: {} {}\nB: {} {}\n\n", a.title, to_line(a.setting), b.title,
             to_line(b.setting));
  print_predictions(a, b, labels, static_cast<std::size_t>(options.shown));
  const AgreementSummary summary = summarize_agreement(a, b);
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
  document["layers"] = layers_json(comparison.layers, comparison.tolerance);
  const auto first = first_parting(comparison.layers, comparison.tolerance);
  document["first"] = first ? Json(comparison.layers[*first].layers) : Json();
  document["predictions"] = predictions_json(a, b, labels);
  document["agreement"] = agreement_json(summary);
  write_json(document, options.json);
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa compare fp32 bf16 deploy.prototxt net.caffemodel --images val --mean "
    "mean.binaryproto\n"
    "  kissa compare caffe fused deploy.prototxt --random-weights 1\n"
    "  kissa compare fp32 cuda,fp16 deploy.prototxt net.caffemodel --images val --save-b gpu.json\n"
    "  kissa compare cpu.json gpu.json\n"
    "A and B are modes, precisions and devices, separated by commas; or saved outputs; or two "
    "saved\n"
    "results of bench, profile or study, whose times are then compared.\n";

}  // namespace

void add_compare(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "compare", "Compare two ways to run a network: predictions, and the first layer that parts");
  auto options = std::make_shared<CompareOptions>();
  options->engine.build_seconds = 0;
  command.footer(kExamples);
  command
      .add_option("a", options->a, "A configuration, as in caffe or cuda,fp16; or a saved result")
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
