// Options that several commands share, and the values that they read.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <utility>

#include "kissa/kissa.h"

namespace kissa::tools {

// A network's files and how to read them. `weights` may be empty or "-": no weight file.
struct NetworkOptions {
  std::string prototxt;
  std::string weights;
  CaffeOptions caffe;
};

void add_random_weights(CLI::App& command, NetworkOptions& options);
// --shape, and what the layers' include and exclude rules see: --phase, --stage, --level.
void add_network_rules(CLI::App& command, NetworkOptions& options);
Model load_network(const NetworkOptions& options);
// The same with that batch; without one, and without shapes, with batch 1.
Model load_network(const NetworkOptions& options, std::optional<std::int64_t> batch);

// Whether a command runs a network for its answers, soon, or for its speed: then kernels are
// measured before, unless the user says otherwise.
enum class Purpose { kAnswers, kSpeed };
// --device, --mode, --precision, --threads, --skip-pass, --build-seconds, --timing-cache,
// --error-on-cache-miss.
void add_engine_options(CLI::App& command, EngineOptions& options,
                        Purpose purpose = Purpose::kAnswers);
Engine build_engine(const Model& model, const EngineOptions& options);

// --fetch.
void add_fetch(CLI::App& command, EngineOptions& options);

// A plan file may stand where a network's definition does.
bool is_plan(const std::string& path);
// Throws kInvalidArgument where the command line says what the plan file has settled, gives it
// weights, or asks for another batch.
Engine load_plan(const CLI::App& command, const NetworkOptions& network,
                 const EngineOptions& options, std::optional<std::int64_t> batch = {});

// "data:1x3x300x300" -> {"data", {1, 3, 300, 300}}.
std::pair<std::string, Dims> parse_shape(const std::string& text);
// "conv1 + relu1", or what a step reorders.
std::string what_runs(const StepInfo& step);
std::string to_string(const Dims& dims);  // "1x3x300x300"; "scalar" for no dims

// An argument given as "-" or left out.
inline bool is_none(const std::string& path) { return path.empty() || path == "-"; }

}  // namespace kissa::tools
