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

// Whether a command runs a network for its answers, soon, or for its speed: then kernels are
// measured before, unless the user says otherwise.
enum class Purpose { kAnswers, kSpeed };
// --device, --mode, --precision, --threads, --build-seconds, --timing-cache.
void add_engine_options(CLI::App& command, EngineOptions& options,
                        Purpose purpose = Purpose::kAnswers);
Engine build_engine(const Model& model, const EngineOptions& options);

// "data:1x3x300x300" -> {"data", {1, 3, 300, 300}}.
std::pair<std::string, Dims> parse_shape(const std::string& text);
std::string to_string(const Dims& dims);  // "1x3x300x300"; "scalar" for no dims

// An argument given as "-" or left out.
inline bool is_none(const std::string& path) { return path.empty() || path == "-"; }

}  // namespace kissa::tools
