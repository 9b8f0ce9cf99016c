#include "subject.h"

#include <fmt/core.h>

#include <algorithm>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "npy.h"

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

std::vector<float> random_values(std::int64_t count, std::mt19937& generator) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(generator() >> 8) * 0x1p-23f - 1.0f;
  return values;
}

// FP32 numbers of an .npy file, or of a file of nothing but them.
std::vector<float> read_values(const std::string& path, const TensorInfo& input) {
  if (path.ends_with(".npy")) {
    NpyArray array = read_npy(path);
    if (std::ssize(array.data) != input.elements())
      fail(ErrorCode::kInvalidFile, "{}: {} does not fit the input {} {}", path,
           to_string(array.dims), input.name, to_string(input.dims));
    return std::move(array.data);
  }
  const File file(path);
  std::vector<float> values(static_cast<std::size_t>(input.elements()));
  if (file.size() != values.size() * sizeof(float))
    fail(ErrorCode::kInvalidFile, "{}: has {} bytes; the input {} {} takes {} numbers of 4 bytes",
         path, file.size(), input.name, to_string(input.dims), values.size());
  file.read(0, std::as_writable_bytes(std::span(values)));
  return values;
}

void read_inputs(const SubjectOptions& options, Subject& subject) {
  std::mt19937 generator;
  for (const TensorInfo& info : subject.engine.inputs()) {
    const auto file = options.inputs.find(info.name);
    subject.inputs.emplace(info.name, file == options.inputs.end()
                                          ? random_values(info.elements(), generator)
                                          : read_values(file->second, info));
  }
  for (const auto& [name, path] : options.inputs)
    if (!subject.inputs.contains(name))
      fail(ErrorCode::kInvalidArgument, "--load-inputs {}:{}: the network has no input '{}'", name,
           path, name);
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

void add_load_inputs(CLI::App& command, SubjectOptions& options) {
  command
      .add_option_function<std::vector<std::string>>(
          "--load-inputs",
          [&options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const std::size_t colon = text.find(':');
              if (colon == std::string::npos || colon == 0 || colon + 1 == text.size())
                fail(ErrorCode::kInvalidArgument, "--load-inputs '{}': give NAME:FILE", text);
              options.inputs.insert_or_assign(text.substr(0, colon), text.substr(colon + 1));
            }
          },
          "Inputs from .npy files, or files of raw FP32, in place of random numbers; separated by "
          "commas")
      ->type_name("NAME:FILE")
      ->delimiter(',')
      ->allow_extra_args(false);
}

Context Subject::create_context(const ContextOptions& options) const {
  Context context = engine.create_context(options);
  for (const auto& [name, values] : inputs)
    std::copy(values.begin(), values.end(), context.input(name).begin());
  return context;
}

Subject prepare_subject(const CLI::App& command, const SubjectOptions& options) {
  double build_ms = 0;
  Engine engine = make_engine(command, options, build_ms);
  if (engine.inputs().empty())
    fail(ErrorCode::kInvalidModel, "{}: a network without inputs", options.network.prototxt);
  Subject subject{std::move(engine), {}, build_ms};
  read_inputs(options, subject);
  return subject;
}

std::string describe_setting(const Engine& engine, std::int64_t batch) {
  std::string text = fmt::format("{} mode, {}, batch {}, on {}", to_string(engine.mode()),
                                 to_string(engine.precision()), batch, engine.device());
  if (engine.device() == "cpu")
    text += fmt::format(" by {} thread{}", engine.threads(), engine.threads() == 1 ? "" : "s");
  return text;
}

void print_subject(const SubjectOptions& options, const Subject& subject) {
  const Engine& engine = subject.engine;
  const MemoryInfo memory = engine.memory();
  const bool from_plan = is_plan(options.network.prototxt);
  fmt::print("Measured: {}\n", describe_setting(engine, subject.batch()));
  fmt::print("Kissa: {}\n", version());
  fmt::print("Network: {} ({})\n", engine.name(), options.network.prototxt);
  fmt::print("Weights: {}\n", from_plan                          ? "of the plan file"
                              : is_none(options.network.weights) ? "random"
                                                                 : options.network.weights);
  for (const TensorInfo& input : engine.inputs()) {
    const auto file = options.inputs.find(input.name);
    fmt::print("Input: {} {}, {}\n", input.name, to_string(input.dims),
               file == options.inputs.end() ? "random" : file->second);
  }
  fmt::print("Device: {}\n", engine.device());
  fmt::print("Threads: {}\n", engine.threads());
  fmt::print("Mode: {}\n", to_string(engine.mode()));
  fmt::print("Precision: {}\n", to_string(engine.precision()));
  fmt::print("Memory: weights {}, arena {}\n", mebibytes(memory.weights), mebibytes(memory.arena));
  fmt::print("{}: {:.1f} ms\n", from_plan ? "Load" : "Build", subject.build_ms);
}

std::vector<double> time_runs(Context& context, std::size_t least_runs, double least_ms) {
  std::vector<double> times_ms;
  const auto start = Clock::now();
  while (times_ms.size() < least_runs || elapsed_ms(start) < least_ms) {
    const auto begin = Clock::now();
    context.run();
    times_ms.push_back(elapsed_ms(begin));
  }
  return times_ms;
}

double elapsed_ms(Clock::time_point since) {
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

}  // namespace kissa::tools
