// kissa run: any network on any input, .npy files in and out.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include "base/error.h"
#include "base/near_match.h"
#include "commands.h"
#include "npy.h"
#include "options.h"

namespace kissa::tools {
namespace {

namespace fs = std::filesystem;

struct RunOptions {
  NetworkOptions network;
  EngineOptions engine;
  std::vector<std::string> inputs;  // "blob=file.npy"
  std::optional<std::uint64_t> random_inputs;
  std::string output_dir;
};

using Inputs = std::map<std::string, NpyArray>;

Inputs read_inputs(const std::vector<std::string>& arguments) {
  Inputs inputs;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0)
      fail(ErrorCode::kInvalidArgument,
           "--input takes blob=file.npy, not '{}'; name the network's files first", argument);
    const std::string blob = argument.substr(0, equals);
    if (!inputs.emplace(blob, read_npy(argument.substr(equals + 1))).second)
      fail(ErrorCode::kInvalidArgument, "--input gives '{}' twice", blob);
  }
  return inputs;
}

// A network whose inputs have the shapes of the arrays.
Model load_for(const Inputs& inputs, NetworkOptions network) {
  for (const auto& [blob, array] : inputs) {
    const auto [it, is_new] = network.caffe.input_shapes.emplace(blob, array.dims);
    if (it->second != array.dims)
      fail(ErrorCode::kInvalidArgument, "--shape gives '{}' as {}, but its --input file holds {}",
           blob, to_string(it->second), to_string(array.dims));
  }
  return load_network(network);
}

void check_inputs(const std::vector<TensorInfo>& of_network, const Inputs& inputs, bool may_lack) {
  std::vector<std::string> names;
  std::string lacking;
  for (const TensorInfo& input : of_network) {
    names.push_back(input.name);
    const auto given = inputs.find(input.name);
    if (given != inputs.end() && given->second.dims != input.dims)
      fail(ErrorCode::kInvalidArgument, "--input: '{}' is {}, but the plan file was built for {}",
           input.name, to_string(given->second.dims), to_string(input.dims));
    if (given == inputs.end())
      lacking += fmt::format("{}'{}' ({})", lacking.empty() ? "" : ", ", input.name,
                             to_string(input.dims));
  }
  for (const auto& [blob, array] : inputs)
    if (std::find(names.begin(), names.end(), blob) == names.end())
      fail(ErrorCode::kInvalidArgument, "--input: the network has no input '{}'{}", blob,
           did_you_mean(blob, {names.begin(), names.end()}));
  if (!lacking.empty() && !may_lack)
    fail(ErrorCode::kInvalidArgument,
         "no value for the input {}: give --input BLOB=FILE.npy, or --random-inputs SEED", lacking);
}

// Uniform in [-1, 1), the same on every machine.
void fill_random(std::span<float> values, std::mt19937& generator) {
  for (float& value : values) value = static_cast<float>(generator() >> 8) * 0x1p-23f - 1.0f;
}

void fill_inputs(const Engine& engine, const Inputs& inputs, std::uint64_t seed, Context& context) {
  std::mt19937 generator(static_cast<std::uint32_t>(seed ^ (seed >> 32)));
  for (const TensorInfo& info : engine.inputs()) {
    const std::span<float> values = context.input(info.name);
    const auto given = inputs.find(info.name);
    if (given == inputs.end()) {
      fill_random(values, generator);
    } else {
      std::copy(given->second.data.begin(), given->second.data.end(), values.begin());
    }
  }
}

std::string file_name(const std::string& blob) {
  const auto is_kept = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  };
  std::string name = blob;
  std::replace_if(
      name.begin(), name.end(), [&](char c) { return !is_kept(c); }, '_');
  return name + ".npy";
}

void check_file_names(const std::vector<TensorInfo>& outputs) {
  std::map<std::string, std::string> blobs;
  for (const TensorInfo& info : outputs) {
    const auto [it, is_new] = blobs.emplace(file_name(info.name), info.name);
    if (!is_new)
      fail(ErrorCode::kInvalidArgument, "the blobs '{}' and '{}' would share the file {}",
           it->second, info.name, it->first);
  }
}

void write_outputs(const Engine& engine, const Context& context, const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder, error))
    fail(ErrorCode::kInvalidFile, "{}: the folder cannot be made: {}", folder,
         error ? error.message() : "there is a file of that name");
  for (const TensorInfo& info : engine.outputs()) {
    const std::string path = (fs::path(folder) / file_name(info.name)).string();
    const Dims dims = context.output_dims(info.name);
    write_npy(path, dims, context.output(info.name));
    fmt::print("{}  {}\n", path, to_string(dims));
  }
}

Engine make_engine(const CLI::App& command, const RunOptions& options, const Inputs& inputs) {
  const bool may_lack = options.random_inputs.has_value();
  if (is_plan(options.network.prototxt)) {
    Engine engine = load_plan(command, options.network, options.engine);
    check_inputs(engine.inputs(), inputs, may_lack);
    return engine;
  }
  const Model model = load_for(inputs, options.network);
  check_inputs(model.inputs(), inputs, may_lack);
  return build_engine(model, options.engine);
}

void run(const CLI::App& command, const RunOptions& options) {
  const Inputs inputs = read_inputs(options.inputs);
  const Engine engine = make_engine(command, options, inputs);
  check_file_names(engine.outputs());
  Context context = engine.create_context();
  fill_inputs(engine, inputs, options.random_inputs.value_or(0), context);
  context.run();
  write_outputs(engine, context, options.output_dir);
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa run net.prototxt net.caffemodel --input data=image.npy --output-dir out\n"
    "  kissa run net.prototxt --random-weights 1 --random-inputs 1 --shape data:1x3x300x300 \\\n"
    "      --fetch conv1,pool1 --output-dir out\n";

}  // namespace

void add_run(CLI::App& program) {
  CLI::App& command =
      *program.add_subcommand("run", "Run a network on .npy files; write its outputs as .npy");
  auto options = std::make_shared<RunOptions>();
  command.footer(kExamples);
  command
      .add_option("net", options->network.prototxt, "Network definition (prototxt), or a plan file")
      ->type_name("FILE")
      ->required();
  command
      .add_option("weights", options->network.weights,
                  "Weights (caffemodel); - or nothing for none")
      ->type_name("FILE");
  command
      .add_option("--input", options->inputs,
                  "Values of an input; the network takes the array's shape")
      ->type_name("BLOB=FILE.npy");
  command
      .add_option("--output-dir", options->output_dir,
                  "Folder for the outputs, made if it is missing: BLOB.npy each, FP32; in file "
                  "names '_' stands for what is not a letter, digit, '.', '-' or '_'")
      ->type_name("DIR")
      ->required();
  add_fetch(command, options->engine);
  command
      .add_option("--random-inputs", options->random_inputs,
                  "Fill the inputs that are not given, from this seed")
      ->type_name("SEED");
  add_random_weights(command, options->network);
  add_network_rules(command, options->network);
  add_engine_options(command, options->engine);
  command.callback([options, &command] { run(command, *options); });
}

}  // namespace kissa::tools
