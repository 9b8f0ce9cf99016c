#include "options.h"

#include <fmt/ranges.h>

#include <charconv>

#include "base/error.h"

namespace kissa::tools {
namespace {

std::int64_t parse_extent(std::string_view text, const std::string& shape) {
  std::int64_t extent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
  if (error != std::errc() || end != text.data() + text.size() || extent < 1)
    fail(ErrorCode::kInvalidArgument,
         "--shape '{}': '{}' is not an extent of 1 or more; give blob:NxCxHxW", shape, text);
  return extent;
}

void check_threads(const EngineOptions& options) {
  if (options.threads < 0)
    fail(ErrorCode::kInvalidArgument, "--threads {}: give 1 or more, or 0 for all",
         options.threads);
}

}  // namespace

std::pair<std::string, Dims> parse_shape(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0)
    fail(ErrorCode::kInvalidArgument, "--shape '{}' names no blob; give blob:NxCxHxW", text);
  Dims dims;
  std::size_t begin = colon + 1;
  for (std::size_t end = begin; end != std::string::npos; begin = end + 1) {
    end = text.find('x', begin);
    dims.push_back(parse_extent(std::string_view(text).substr(begin, end - begin), text));
    if (end == std::string::npos) break;
  }
  return {text.substr(0, colon), std::move(dims)};
}

std::string what_runs(const StepInfo& step) {
  if (!step.layers.empty()) return fmt::format("{}", fmt::join(step.layers, " + "));
  return step.outputs.empty() ? "" : fmt::format("(layout of {})", step.outputs.front().name);
}

std::string to_string(const Dims& dims) {
  return dims.empty() ? "scalar" : fmt::format("{}", fmt::join(dims, "x"));
}

void add_random_weights(CLI::App& command, NetworkOptions& options) {
  command
      .add_option("--random-weights", options.caffe.random_seed,
                  "Fill the parameters that no weight file gives, from this seed")
      ->type_name("SEED");
}

void add_network_rules(CLI::App& command, NetworkOptions& options) {
  command
      .add_option_function<std::vector<std::string>>(
          "--shape,--shapes",
          [&options](const std::vector<std::string>& shapes) {
            for (const std::string& shape : shapes)
              options.caffe.input_shapes.insert_or_assign(parse_shape(shape).first,
                                                          parse_shape(shape).second);
          },
          "Shape of an input, in place of the file's; may be repeated, or separated by commas")
      ->type_name("BLOB:NxCxHxW")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      .add_option_function<std::string>(
          "--phase",
          [&options](const std::string& phase) { options.caffe.train_phase = phase == "train"; },
          "Phase that the layers' rules see: test (default) or train")
      ->type_name("PHASE")
      ->check(CLI::IsMember({"test", "train"}));
  command.add_option("--stage", options.caffe.stages, "Stage that the rules see; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--level", options.caffe.level, "Level that the rules see (0)")
      ->type_name("N");
}

Model load_network(const NetworkOptions& options) {
  return Model::load_caffe(options.prototxt, is_none(options.weights) ? "" : options.weights,
                           options.caffe);
}

Model load_network(const NetworkOptions& options, std::optional<std::int64_t> batch) {
  Model model = load_network(options);
  if (!batch && !options.caffe.input_shapes.empty()) return model;
  return model.with_batch(batch.value_or(1));
}

void add_engine_options(CLI::App& command, EngineOptions& options, Purpose purpose) {
  if (purpose == Purpose::kAnswers) options.build_seconds = 0.0;
  command
      .add_option("--device", options.device,
                  "Device to run on: cpu (default), cuda, or cuda:N for the N-th GPU, from 0")
      ->type_name("NAME");
  command
      .add_option_function<std::string>(
          "--mode", [&options](const std::string& text) { options.mode = parse_mode(text); },
          "caffe (layer by layer) or fused; the best that is built, unless given")
      ->type_name("MODE");
  command
      .add_option_function<std::string>(
          "--precision",
          [&options](const std::string& text) { options.precision = parse_precision(text); },
          "fp32 (default), tf32, fp16, bf16 or int8")
      ->type_name("NAME");
  command.add_option("--threads", options.threads, "Threads of the CPU (0: all that may be used)")
      ->type_name("N");
  command
      .add_option(
          "--build-seconds", options.build_seconds,
          fmt::format("Seconds to measure kernels inside the network before it runs ({}); 0 "
                      "takes their usual order",
                      options.build_seconds))
      ->type_name("S");
  command
      .add_option("--timing-cache", options.timing_cache,
                  "File of measured times, read and extended")
      ->type_name("FILE");
  command.add_flag("--error-on-cache-miss", options.error_on_cache_miss,
                   "Measure nothing; fail where the timing cache lacks a time");
  command
      .add_option("--skip-pass", options.skip_passes,
                  "Rewrite that fused mode leaves out, by name; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
}

void add_fetch(CLI::App& command, EngineOptions& options) {
  command
      .add_option("--fetch", options.fetch,
                  "Inner blobs to keep as outputs as well, separated by commas")
      ->type_name("BLOB")
      ->delimiter(',')
      ->allow_extra_args(false);
}

Engine build_engine(const Model& model, const EngineOptions& options) {
  check_threads(options);
  return Engine::build(model, options);
}

bool is_plan(const std::string& path) { return path.ends_with(".kissa"); }

Engine load_plan(const CLI::App& command, const NetworkOptions& network,
                 const EngineOptions& options, std::optional<std::int64_t> batch) {
  if (!is_none(network.weights))
    fail(ErrorCode::kInvalidArgument,
         "{}: a plan file holds its weights: leave '{}' out, or give - (kissa refit changes them)",
         network.prototxt, network.weights);
  for (const char* name :
       {"--shape", "--phase", "--stage", "--level", "--random-weights", "--fetch", "--device",
        "--mode", "--precision", "--build-seconds", "--timing-cache", "--error-on-cache-miss",
        "--skip-pass", "--spin-wait"}) {
    const CLI::Option* option = command.get_option_no_throw(name);
    if (option != nullptr && option->count() > 0)
      fail(ErrorCode::kInvalidArgument, "{}: {} is settled in a plan file: leave it out",
           network.prototxt, name);
  }
  check_threads(options);
  Engine engine = Engine::load(network.prototxt, options.threads);
  for (const TensorInfo& input : engine.inputs())
    if (batch && !input.dims.empty() && input.dims[0] != *batch)
      fail(ErrorCode::kInvalidArgument, "{}: was built for batch {}, not {}: build one for that",
           network.prototxt, input.dims[0], *batch);
  return engine;
}

}  // namespace kissa::tools
