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
          "--shape",
          [&options](const std::vector<std::string>& shapes) {
            for (const std::string& shape : shapes)
              options.caffe.input_shapes.insert_or_assign(parse_shape(shape).first,
                                                          parse_shape(shape).second);
          },
          "Shape of an input, in place of the file's; may be repeated")
      ->type_name("BLOB:NxCxHxW")
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

void add_engine_options(CLI::App& command, EngineOptions& options, Purpose purpose) {
  if (purpose == Purpose::kAnswers) options.build_seconds = 0.0;
  command.add_option("--device", options.device, "Device to run on: cpu (default), cuda, or cuda:N for the N-th GPU, from 0")->type_name("NAME");
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
}

Engine build_engine(const Model& model, const EngineOptions& options) {
  if (options.threads < 0)
    fail(ErrorCode::kInvalidArgument, "--threads {}: give 1 or more, or 0 for all",
         options.threads);
  return Engine::build(model, options);
}

}  // namespace kissa::tools
