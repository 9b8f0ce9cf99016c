// A network made ready to be timed, in one context, on random inputs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
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
};
// Everything that says what to time, the positional arguments among it.
void add_subject_options(CLI::App& command, SubjectOptions& options);

struct Subject {
  Engine engine;
  Context context;
  double build_ms;  // or what loading a plan file took

  const Dims& input_dims() const { return engine.inputs().front().dims; }
  std::int64_t batch() const { return input_dims().empty() ? 1 : input_dims().front(); }
};

// From a plan file, or built: then the batch is 1 unless it, or the shapes, are given. Throws
// kInvalidModel on a network without inputs.
Subject prepare_subject(const CLI::App& command, const SubjectOptions& options);

// The lines that say what is timed, how and where.
void print_subject(const SubjectOptions& options, const Subject& subject);

struct Trace {
  std::vector<double> times_ms;
  double wall_ms = 0;
  double device_us = 0;  // of a run in a burst of 10 without copies; 0: the device is the CPU

  double queries_per_s() const { return static_cast<double>(times_ms.size()) / wall_ms * 1e3; }
};
// Runs until both `least_runs` and `least_ms` are reached.
Trace time_runs(Context& context, std::size_t least_runs, double least_ms);

double elapsed_ms(std::chrono::steady_clock::time_point since);

}  // namespace kissa::tools
