#include "subject.h"

#include <fmt/core.h>

#include <random>

#include "base/error.h"
#include "base/system.h"

namespace kissa::tools {
namespace {

using Clock = std::chrono::steady_clock;

Model load_model(const SubjectOptions& options) {
  Model model = load_network(options.network);
  if (model.inputs().empty())
    fail(ErrorCode::kInvalidModel, "{}: a network without inputs", options.network.prototxt);
  if (!options.batch && !options.network.caffe.input_shapes.empty()) return model;
  return model.with_batch(options.batch.value_or(1));
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
  command.add_option("net", options.network.prototxt, "Network definition (prototxt)")
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

Subject prepare_subject(const SubjectOptions& options) {
  Model model = load_model(options);
  const auto start = Clock::now();
  Engine engine = build_engine(model, options.engine);
  Context context = engine.create_context();
  const double build_ms = elapsed_ms(start);
  fill_inputs(engine, context);
  return {std::move(model), std::move(engine), std::move(context), build_ms};
}

int threads_of(const EngineOptions& options) {
  return options.threads > 0 ? options.threads : usable_threads();
}

void print_subject(const SubjectOptions& options, const Subject& subject) {
  const MemoryInfo memory = subject.engine.memory();
  fmt::print("Kissa: {}\n", version());
  fmt::print("Network: {} ({})\n", subject.model.name(), options.network.prototxt);
  fmt::print("Weights: {}\n",
             is_none(options.network.weights) ? "random" : options.network.weights);
  for (const TensorInfo& input : subject.engine.inputs())
    fmt::print("Input: {} {}, random\n", input.name, to_string(input.dims));
  fmt::print("Device: {}\n", options.engine.device);
  fmt::print("Threads: {}\n", threads_of(options.engine));
  fmt::print("Mode: {}\n", to_string(subject.engine.mode()));
  fmt::print("Precision: {}\n", to_string(options.engine.precision));
  fmt::print("Memory: weights {}, arena {}\n", mebibytes(memory.weights), mebibytes(memory.arena));
  fmt::print("Build: {:.1f} ms\n", subject.build_ms);
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
