// A network made ready to be timed, on random inputs or those of files.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kissa/kissa.h"
#include "options.h"

namespace kissa::tools {

struct SubjectOptions {
  NetworkOptions network;
  EngineOptions engine;
  std::optional<std::int64_t> batch;
  std::map<std::string, std::string> inputs;  // files, by input
};
// Everything that says what to time, the positional arguments among it.
void add_subject_options(CLI::App& command, SubjectOptions& options);
// --load-inputs.
void add_load_inputs(CLI::App& command, SubjectOptions& options);

struct Subject {
  Engine engine;
  std::map<std::string, std::vector<float>> inputs;  // uniform in [-1, 1) where no file is given
  double build_ms;                                   // or what loading a plan file took

  const Dims& input_dims() const { return engine.inputs().front().dims; }
  std::int64_t batch() const { return input_dims().empty() ? 1 : input_dims().front(); }
  bool on_gpu() const { return engine.device().starts_with("cuda"); }
  // With its inputs filled.
  Context create_context(const ContextOptions& options = {}) const;
};

// From a plan file, or built: then the batch is 1 unless it, or the shapes, are given. Throws
// kInvalidModel on a network without inputs.
Subject prepare_subject(const CLI::App& command, const SubjectOptions& options);

// "fused mode, fp32, batch 1, on cpu by 2 threads": what two figures must share to be compared.
std::string describe_setting(const Engine& engine, std::int64_t batch);
// The lines that say what is timed, how and where.
void print_subject(const SubjectOptions& options, const Subject& subject);

// Runs until both `least_runs` and `least_ms` are reached: milliseconds each.
std::vector<double> time_runs(Context& context, std::size_t least_runs, double least_ms);

double elapsed_ms(std::chrono::steady_clock::time_point since);

}  // namespace kissa::tools
