// kissa build and kissa refit: plan files, which hold an engine as it was built.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "commands.h"
#include "options.h"
#include "subject.h"

namespace kissa::tools {
namespace {

using Clock = std::chrono::steady_clock;

struct BuildOptions : SubjectOptions {
  std::string output;
};

struct RefitOptions {
  std::string plan;
  std::string weights;
  std::string output;
};

void check_output(const std::string& path) {
  if (!is_plan(path))
    fail(ErrorCode::kInvalidArgument, "-o {}: the name of a plan file ends in .kissa", path);
}

void save(const Engine& engine, const std::string& path, double seconds) {
  engine.save(path);
  std::vector<std::string> inputs;
  for (const TensorInfo& input : engine.inputs())
    inputs.push_back(fmt::format("{} {}", input.name, to_string(input.dims)));
  fmt::print("{}  {:.1f} MiB: {}, {}; {} {} on {}, {} {}; {:.1f} s\n", path,
             static_cast<double>(std::filesystem::file_size(path)) / (1 << 20), engine.name(),
             fmt::join(inputs, ", "), to_string(engine.mode()), to_string(engine.precision()),
             engine.device(), engine.threads(), engine.threads() == 1 ? "thread" : "threads",
             seconds);
}

void build(const BuildOptions& options) {
  check_output(options.output);
  if (is_plan(options.network.prototxt))
    fail(ErrorCode::kInvalidArgument, "{}: is a plan file already", options.network.prototxt);
  const auto start = Clock::now();
  const Engine engine = build_engine(load_network(options.network, options.batch), options.engine);
  save(engine, options.output, elapsed_ms(start) * 1e-3);
}

void refit(const RefitOptions& options) {
  check_output(options.output);
  if (!is_plan(options.plan))
    fail(ErrorCode::kInvalidArgument, "{}: is no plan file: its name ends in .kissa", options.plan);
  const auto start = Clock::now();
  const Engine engine = Engine::load(options.plan).refit_caffe(options.weights);
  save(engine, options.output, elapsed_ms(start) * 1e-3);
}

void add_output(CLI::App& command, std::string& output) {
  command.add_option("-o,--output", output, "Plan file to write (.kissa)")
      ->type_name("FILE")
      ->required();
}

constexpr const char* kBuildExamples =
    "Example:\n"
    "  kissa build deploy.prototxt net.caffemodel -o net.kissa\n"
    "  kissa build deploy.prototxt net.caffemodel -o net.kissa --batch 16 --precision bf16 \\\n"
    "      --threads 2 --timing-cache times.json\n"
    "  kissa bench net.kissa\n";

constexpr const char* kRefitExamples =
    "Example:\n"
    "  kissa refit net.kissa new.caffemodel -o new.kissa\n";

}  // namespace

void add_build(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "build", "Write a plan file: the network as it runs here, ready in milliseconds");
  auto options = std::make_shared<BuildOptions>();
  command.footer(kBuildExamples);
  add_subject_options(command, *options);
  add_fetch(command, options->engine);
  add_output(command, options->output);
  command.callback([options] { build(*options); });
}

void add_refit(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "refit", "Put other weights of the same network into a plan file, without measuring again");
  auto options = std::make_shared<RefitOptions>();
  command.footer(kRefitExamples);
  command.add_option("plan", options->plan, "Plan file")->type_name("FILE")->required();
  command.add_option("weights", options->weights, "New weights (caffemodel)")
      ->type_name("FILE")
      ->required();
  add_output(command, options->output);
  command.callback([options] { refit(*options); });
}

}  // namespace kissa::tools
