// kissa inspect: what a network is made of and what it costs.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>

#include "base/error.h"
#include "commands.h"
#include "options.h"

namespace kissa::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kFloatBytes = 4;

struct InspectOptions {
  NetworkOptions network;
  EngineOptions engine;
  std::optional<std::int64_t> batch;
  bool json = false;
  bool dot = false;
  bool passes = false;
  bool plan = false;
};

struct Totals {
  std::int64_t parameters = 0;
  std::int64_t multiply_adds = 0;
  std::int64_t other_operations = 0;
  std::int64_t activations = 0;  // elements of all blobs

  std::int64_t flops() const { return 2 * multiply_adds + other_operations; }
};

std::int64_t elements(const std::vector<TensorInfo>& tensors) {
  return std::accumulate(
      tensors.begin(), tensors.end(), std::int64_t{0},
      [](std::int64_t sum, const TensorInfo& tensor) { return sum + tensor.elements(); });
}

std::int64_t flops(const LayerInfo& layer) {
  return 2 * layer.multiply_adds + layer.other_operations;
}

// Parameters that several layers share count once.
Totals add_up(const Model& model, const std::vector<LayerInfo>& layers) {
  Totals totals;
  std::set<std::string> counted;
  for (const LayerInfo& layer : layers) {
    totals.multiply_adds += layer.multiply_adds;
    totals.other_operations += layer.other_operations;
    for (const TensorInfo& param : layer.params)
      if (counted.insert(param.name).second) totals.parameters += param.elements();
  }
  totals.activations = elements(model.blobs());
  return totals;
}

std::string shapes_of(const std::vector<TensorInfo>& tensors) {
  std::string text;
  for (const TensorInfo& tensor : tensors)
    text += (text.empty() ? "" : ", ") + to_string(tensor.dims);
  return text;
}

// Columns as wide as their widest cell; numbers to the right.
class Table {
 public:
  static constexpr std::size_t kColumns = 7;
  using Row = std::array<std::string, kColumns>;
  static constexpr std::size_t kFirstNumber = 4;

  void add(Row row) {
    for (std::size_t i = 0; i < kColumns; ++i) widths_[i] = std::max(widths_[i], row[i].size());
    rows_.push_back(std::move(row));
  }

  void print() const {
    for (const Row& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < kColumns; ++i)
        line += i < kFirstNumber ? fmt::format("{:<{}}  ", row[i], widths_[i])
                                 : fmt::format("{:>{}}  ", row[i], widths_[i]);
      line.erase(line.find_last_not_of(' ') + 1);
      fmt::print("{}\n", line);
    }
  }

 private:
  std::vector<Row> rows_;
  std::array<std::size_t, kColumns> widths_{};
};

void print_tensors(const char* title, const std::vector<TensorInfo>& tensors) {
  for (const TensorInfo& tensor : tensors)
    fmt::print("{:<14}{} {}\n", title, tensor.name, to_string(tensor.dims));
}

std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{:.2f} MiB", static_cast<double>(bytes) / (1 << 20));
}

void print_totals(const Totals& totals) {
  fmt::print("parameters    {}\n", totals.parameters);
  fmt::print("multiply-adds {} ({:.3f} G): the \"FLOPs\" of convnet-burden and of many papers\n",
             totals.multiply_adds, static_cast<double>(totals.multiply_adds) * 1e-9);
  fmt::print("FLOPs         {} ({:.3f} G): two a multiply-add, one for every other operation\n",
             totals.flops(), static_cast<double>(totals.flops()) * 1e-9);
}

void print_memory(const Totals& totals, const std::optional<MemoryInfo>& memory) {
  fmt::print("memory, FP32  parameters {}, all activations together {}\n",
             mebibytes(totals.parameters * kFloatBytes),
             mebibytes(totals.activations * kFloatBytes));
  if (memory)
    fmt::print("memory, run   weights {}, arena of one context {}\n", mebibytes(memory->weights),
               mebibytes(memory->arena));
}

void print_text(const Model& model, const std::optional<MemoryInfo>& memory) {
  const std::vector<LayerInfo> layers = model.layers();
  fmt::print("network       {}\n", model.name());
  print_tensors("input", model.inputs());
  print_tensors("output", model.outputs());
  fmt::print("\n");
  Table table;
  table.add({"layer", "op", "description", "output", "parameters", "multiply-adds", "FLOPs"});
  for (const LayerInfo& layer : layers)
    table.add({layer.name, layer.op, layer.description, shapes_of(layer.outputs),
               std::to_string(elements(layer.params)), std::to_string(layer.multiply_adds),
               std::to_string(flops(layer))});
  table.print();
  fmt::print("\n");
  const Totals totals = add_up(model, layers);
  fmt::print("layers        {}\n", layers.size());
  print_totals(totals);
  print_memory(totals, memory);
}

Json to_json(const std::vector<TensorInfo>& tensors) {
  Json list = Json::array();
  for (const TensorInfo& tensor : tensors)
    list.push_back({{"name", tensor.name}, {"shape", tensor.dims}});
  return list;
}

Json to_json(const LayerInfo& layer) {
  return {{"name", layer.name},
          {"op", layer.op},
          {"description", layer.description},
          {"where", layer.where},
          {"inputs", to_json(layer.inputs)},
          {"outputs", to_json(layer.outputs)},
          {"params", to_json(layer.params)},
          {"parameters", elements(layer.params)},
          {"multiply_adds", layer.multiply_adds},
          {"other_operations", layer.other_operations},
          {"flops", flops(layer)},
          {"bytes", layer.bytes}};
}

Json to_json(const Totals& totals, const std::optional<MemoryInfo>& memory) {
  Json json = {{"parameters", totals.parameters},
               {"multiply_adds", totals.multiply_adds},
               {"other_operations", totals.other_operations},
               {"flops", totals.flops()},
               {"parameter_bytes", totals.parameters * kFloatBytes},
               {"activation_bytes", totals.activations * kFloatBytes}};
  if (memory) {
    json["weight_bytes"] = memory->weights;
    json["arena_bytes"] = memory->arena;
  }
  return json;
}

void print_json(const Model& model, const std::optional<MemoryInfo>& memory) {
  const std::vector<LayerInfo> layers = model.layers();
  Json list = Json::array();
  for (const LayerInfo& layer : layers) list.push_back(to_json(layer));
  const Json document = {{"name", model.name()},
                         {"inputs", to_json(model.inputs())},
                         {"outputs", to_json(model.outputs())},
                         {"layers", std::move(list)},
                         {"totals", to_json(add_up(model, layers), memory)}};
  fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
}

// "cpu.conv.gemm.f32.avx512" -> "conv"
std::string_view kind_of(std::string_view tactic) {
  const std::size_t begin = tactic.find('.') + 1;
  return tactic.substr(begin, tactic.find('.', begin) - begin);
}

// Those that tell something: of tactics of the same kind, or, where none takes the op, of any that
// is not for another op.
std::vector<TacticRefusal> telling_refusals(const StepInfo& step) {
  const std::string_view kind = kind_of(step.tactic);
  std::vector<TacticRefusal> telling;
  for (const TacticRefusal& refusal : step.refusals)
    if (kind_of(refusal.tactic) == kind ||
        (kind == "reference" && !refusal.reason.starts_with("not a")))
      telling.push_back(refusal);
  return telling;
}

void print_steps(const Engine& engine) {
  for (const StepInfo& step : engine.steps()) {
    fmt::print("{}\n    {}\n", what_runs(step), step.tactic);
    for (const TacticRefusal& refusal : telling_refusals(step))
      fmt::print("    not {}: {}\n", refusal.tactic, refusal.reason);
  }
}

void print_plan(const Engine& engine) {
  const MemoryInfo memory = engine.memory();
  fmt::print("network       {}\n", engine.name());
  print_tensors("input", engine.inputs());
  print_tensors("output", engine.outputs());
  fmt::print("runs          mode {}, {}, on {} with {} {}\n", to_string(engine.mode()),
             to_string(engine.precision()), engine.device(), engine.threads(),
             engine.threads() == 1 ? "thread" : "threads");
  fmt::print("memory, run   weights {}, arena of one context {}\n\n", mebibytes(memory.weights),
             mebibytes(memory.arena));
  print_steps(engine);
}

Json plan_to_json(const Engine& engine) {
  Json steps = Json::array();
  for (const StepInfo& step : engine.steps()) {
    Json refusals = Json::array();
    for (const TacticRefusal& refusal : step.refusals)
      refusals.push_back({{"tactic", refusal.tactic}, {"reason", refusal.reason}});
    steps.push_back({{"layers", step.layers},
                     {"outputs", to_json(step.outputs)},
                     {"tactic", step.tactic},
                     {"refusals", std::move(refusals)}});
  }
  const MemoryInfo memory = engine.memory();
  return {{"name", engine.name()},
          {"inputs", to_json(engine.inputs())},
          {"outputs", to_json(engine.outputs())},
          {"device", engine.device()},
          {"threads", engine.threads()},
          {"mode", to_string(engine.mode())},
          {"precision", to_string(engine.precision())},
          {"weight_bytes", memory.weights},
          {"arena_bytes", memory.arena},
          {"steps", std::move(steps)}};
}

void show_plan(const Engine& engine, bool json) {
  if (json)
    fmt::print("{}\n", plan_to_json(engine).dump(2, ' ', false, Json::error_handler_t::replace));
  else
    print_plan(engine);
}

void inspect_plan(const CLI::App& command, const InspectOptions& options) {
  if (options.dot || options.passes)
    fail(ErrorCode::kInvalidArgument,
         "{}: a plan file holds the network as it runs, not as it was: give its prototxt",
         options.network.prototxt);
  show_plan(load_plan(command, options.network, options.engine, options.batch), options.json);
}

void inspect(const CLI::App& command, const InspectOptions& options) {
  if (is_plan(options.network.prototxt)) return inspect_plan(command, options);
  Model model = load_network(options.network);
  if (options.batch) model = model.with_batch(*options.batch);
  if (options.dot) {
    fmt::print("{}", model.to_dot());
    return;
  }
  if (options.passes) {
    fmt::print("{}", model.describe_passes({}, options.engine.skip_passes));
    return;
  }
  if (options.plan) return show_plan(build_engine(model, options.engine), options.json);
  std::optional<MemoryInfo> memory;
  if (!is_none(options.network.weights) || options.network.caffe.random_seed)
    memory = build_engine(model, options.engine).memory();
  if (options.json) {
    print_json(model, memory);
  } else {
    print_text(model, memory);
  }
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa inspect deploy.prototxt\n"
    "  kissa inspect deploy.prototxt net.caffemodel --batch 1 --json\n"
    "  kissa inspect deploy.prototxt net.caffemodel --passes\n"
    "  kissa inspect deploy.prototxt net.caffemodel --plan\n"
    "  kissa inspect net.kissa\n"
    "  kissa inspect deploy.prototxt --dot | dot -Tsvg > net.svg\n";

}  // namespace

void add_inspect(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "inspect", "Show a network's layers, shapes, parameters, arithmetic and memory");
  auto options = std::make_shared<InspectOptions>();
  command.footer(kExamples);
  command
      .add_option("net", options->network.prototxt, "Network definition (prototxt), or a plan file")
      ->type_name("FILE")
      ->required();
  command
      .add_option("weights", options->network.weights,
                  "Weights (caffemodel): adds the memory that a run takes")
      ->type_name("FILE");
  command
      .add_option("--batch", options->batch, "First extent of every input, in place of the file's")
      ->type_name("N");
  CLI::Option* json = command.add_flag("--json", options->json, "Print JSON instead of text");
  CLI::Option* dot =
      command.add_flag("--dot", options->dot, "Print the graph for Graphviz instead")
          ->excludes(json);
  CLI::Option* passes =
      command
          .add_flag("--passes", options->passes,
                    "Print what fused mode rewrites into what, and what not and why")
          ->excludes(json)
          ->excludes(dot);
  command
      .add_flag("--plan", options->plan,
                "Print the steps that would run, the kernel of each, and why not a better one")
      ->excludes(dot)
      ->excludes(passes);
  add_random_weights(command, options->network);
  add_network_rules(command, options->network);
  add_engine_options(command, options->engine);
  command.callback([options, &command] { inspect(command, *options); });
}

}  // namespace kissa::tools
