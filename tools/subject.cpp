#include "subject.h"

#include <fmt/core.h>

#include <random>

#include "base/error.h"

namespace kissa::tools {
namespace {

using Clock = std::chrono::steady_clock;

Engine make_engine(const CLI::App& command, const SubjectOptions& options, double& build_ms) {
  if (is_plan(options.network.prototxt)) {
    const auto start = Clock::now();
    Engine engine = load_plan(command, options.network, options.engine, options.batch);
    build_ms = elapsed_ms(start);
    return engine;
  }
  const Model model = load_network(options.network, options.batch);
  const auto start = Clock::now();
  Engine engine = build_engine(model, options.engine);
  build_ms = elapsed_ms(start);
  return engine;
}

// Uniform in [-1, 1).
void fill_inputs(const Engine& engine, Context& context) {
  std::mt19937 generator;
  for (const TensorInfo& info : engine.inputs())
    for (float& value : context.input(info.name))
      value = static_cast<float>(generator() >> 8) * 0x1p-23f - 1.0f;
}

std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace

void add_subject_options(CLI::App& command, SubjectOptions& options) {
  command
      .add_option("net", options.network.prototxt, "Network definition (prototxt), or a plan file")
      ->type_name("FILE")
      ->required();
  command
      .add_option("weights", options.network.weights, "Weights (caffemodel); - or nothing for none")
      ->type_name("FILE");
  command
      .add_option("--batch", options.batch,
                  "First extent of every input (1, unless --shape is given)")
      ->type_name("N");
  add_random_weights(command, options.network);
  add_network_rules(command, options.network);
  add_engine_options(command, options.engine, Purpose::kSpeed);
}

Subject prepare_subject(const CLI::App& command, const SubjectOptions& options) {
  double build_ms = 0;
  Engine engine = make_engine(command, options, build_ms);
  if (engine.inputs().empty())
    fail(ErrorCode::kInvalidModel, "{}: a network without inputs", options.network.prototxt);
  Context context = engine.create_context();
  fill_inputs(engine, context);
  return {std::move(engine), std::move(context), build_ms};
}

void print_subject(const SubjectOptions& options, const Subject& subject) {
  const Engine& engine = subject.engine;
  const MemoryInfo memory = engine.memory();
  const bool from_plan = is_plan(options.network.prototxt);
  fmt::print("Kissa: {}\n", version());
  fmt::print("Network: {} ({})\n", engine.name(), options.network.prototxt);
  fmt::print("Weights: {}\n", from_plan                          ? "of the plan file"
                              : is_none(options.network.weights) ? "random"
                                                                 : options.network.weights);
  for (const TensorInfo& input : engine.inputs())
    fmt::print("Input: {} {}, random\n", input.name, to_string(input.dims));
  fmt::print("Device: {}\n", engine.device());
  fmt::print("Threads: {}\n", engine.threads());
  fmt::print("Mode: {}\n", to_string(engine.mode()));
  fmt::print("Precision: {}\n", to_string(engine.precision()));
  fmt::print("Memory: weights {}, arena {}\n", mebibytes(memory.weights), mebibytes(memory.arena));
  fmt::print("{}: {:.1f} ms\n", from_plan ? "Load" : "Build", subject.build_ms);
}

Trace time_runs(Context& context, std::size_t least_runs, double least_ms) {
  Trace trace;
  const auto start = Clock::now();
  while (trace.times_ms.size() < least_runs || elapsed_ms(start) < least_ms) {
    const auto begin = Clock::now();
    context.run();
    trace.times_ms.push_back(elapsed_ms(begin));
  }
  trace.wall_ms = elapsed_ms(start);
  return trace;
}

double elapsed_ms(Clock::time_point since) {
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

}  // namespace kissa::tools
