// kissa bench: how fast a network runs, on random inputs, in one context.
#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "commands.h"
#include "latency.h"
#include "npy.h"
#include "subject.h"

namespace kissa::tools {
namespace {

using Json = nlohmann::ordered_json;

struct BenchOptions : SubjectOptions {
  std::int64_t iterations = 10;
  double warmup_ms = 200;
  double duration_s = 3;
  std::string json;
  bool serve = false;
};

void check_options(const BenchOptions& options) {
  if (options.iterations < 1)
    fail(ErrorCode::kInvalidArgument, "--iterations {}: give 1 or more", options.iterations);
  if (!(options.warmup_ms >= 0))
    fail(ErrorCode::kInvalidArgument, "--warmup-ms {}: give 0 or more", options.warmup_ms);
  if (!(options.duration_s >= 0))
    fail(ErrorCode::kInvalidArgument, "--duration {}: give 0 or more", options.duration_s);
}

// The median of bursts of 10 runs that leave inputs and outputs on the device.
double time_on_device(Context& context) {
  std::vector<double> bursts;
  for (int i = 0; i < 21; ++i) bursts.push_back(context.time_on_device(10));
  std::sort(bursts.begin(), bursts.end());
  return bursts[bursts.size() / 2];
}

void print_configuration(const BenchOptions& options, const Subject& subject) {
  fmt::print("=== Configuration ===\n");
  print_subject(options, subject);
  fmt::print("Runs: at least {} and {} s, after {} ms to warm up\n\n", options.iterations,
             options.duration_s, options.warmup_ms);
  std::fflush(stdout);
}

void print_summary(const Subject& subject, const Trace& trace, const Latency& latency) {
  fmt::print("=== Performance summary ===\n");
  fmt::print("Throughput: {:.6g} qps\n", trace.queries_per_s());
  fmt::print("Images: {:.6g} per second\n",
             trace.queries_per_s() * static_cast<double>(subject.batch()));
  fmt::print(
      "Latency: min = {:.6g} ms, max = {:.6g} ms, mean = {:.6g} ms, median = {:.6g} ms, "
      "percentile(90%) = {:.6g} ms, percentile(95%) = {:.6g} ms, percentile(99%) = {:.6g} ms\n",
      latency.min, latency.max, latency.mean, latency.median, latency.p90, latency.p95,
      latency.p99);
  if (trace.device_us > 0)
    fmt::print("Device time: {:.6g} ms a run in bursts of 10, without copies\n",
               trace.device_us * 1e-3);
  fmt::print("Total Host Walltime: {:.6g} s\n", trace.wall_ms * 1e-3);
}

Json to_json(const Subject& subject, const Trace& trace, const Latency& latency) {
  const auto microseconds = [](double ms) { return std::round(ms * 1e4) / 10; };
  Json row = {{"engine", "kissa"},
              {"version", version()},
              {"mode", to_string(subject.engine.mode())},
              {"precision", to_string(subject.engine.precision())},
              {"device", subject.engine.device()},
              {"batch", subject.batch()},
              {"threads", subject.engine.threads()},
              {"median_us", microseconds(latency.median)},
              {"min_us", microseconds(latency.min)},
              {"mean_us", microseconds(latency.mean)},
              {"p90_us", microseconds(latency.p90)},
              {"p95_us", microseconds(latency.p95)},
              {"p99_us", microseconds(latency.p99)},
              {"max_us", microseconds(latency.max)},
              {"runs", trace.times_ms.size()},
              {"images_per_s", trace.queries_per_s() * static_cast<double>(subject.batch())},
              {"max_abs_diff", nullptr},
              {"top1_agree", nullptr}};
  if (trace.device_us > 0) row["device_us"] = std::round(trace.device_us * 10) / 10;
  return {{"schema", 1},
          {"what", "bench"},
          {"date", fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)))},
          {"network", subject.engine.name()},
          {"rows", Json::array({row})}};
}

void write_json(const Json& document, const std::string& path) {
  std::ofstream file(path);
  file << document.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  file.close();
  if (!file) fail(ErrorCode::kInvalidFile, "{}: cannot be written", path);
}

void bench(const CLI::App& command, const BenchOptions& options) {
  Subject subject = prepare_subject(command, options);
  print_configuration(options, subject);
  const Trace warmup = time_runs(subject.context, 1, options.warmup_ms);
  fmt::print("Warmup completed {} queries over {:.6g} ms\n", warmup.times_ms.size(),
             warmup.wall_ms);
  std::fflush(stdout);
  Trace trace = time_runs(subject.context, static_cast<std::size_t>(options.iterations),
                          options.duration_s * 1e3);
  if (subject.engine.device() != "cpu") trace.device_us = time_on_device(subject.context);
  fmt::print("Timing trace has {} queries over {:.6g} s\n\n", trace.times_ms.size(),
             trace.wall_ms * 1e-3);
  const Latency latency = summarize(trace.times_ms);
  print_summary(subject, trace, latency);
  if (!options.json.empty()) write_json(to_json(subject, trace, latency), options.json);
}

// The protocol of bench/peers/worker.py: lines in, lines of JSON out.

void answer(const Json& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::fflush(stdout);
}

Json serve_infer(Subject& subject, const std::string& source, const std::string& destination) {
  const NpyArray images = read_npy(source);
  const std::span<float> input = subject.context.input(subject.engine.inputs().front().name);
  if (images.data.size() != input.size())
    fail(ErrorCode::kInvalidFile, "{}: {} does not fit the input {}", source,
         to_string(images.dims), to_string(subject.input_dims()));
  std::copy(images.data.begin(), images.data.end(), input.begin());
  subject.context.run();
  const TensorInfo& output = subject.engine.outputs().front();
  write_npy(destination, output.dims, subject.context.output(output.name));
  return Json::object();
}

// One run before those that count brings the caches back.
Json serve_run(Subject& subject, double seconds) {
  constexpr std::size_t kLeastRuns = 2;
  subject.context.run();
  Json times = Json::array();
  for (const double ms : time_runs(subject.context, kLeastRuns, seconds * 1e3).times_ms)
    times.push_back(std::round(ms * 1e4) / 10);
  return {{"us", std::move(times)}};
}

Json serve_command(Subject& subject, const std::string& line) {
  std::istringstream words(line);
  std::string command, source, destination;
  double seconds = 0;
  words >> command;
  if (command == "infer" && words >> source >> destination)
    return serve_infer(subject, source, destination);
  if (command == "run" && words >> seconds) return serve_run(subject, seconds);
  fail(ErrorCode::kInvalidArgument, "'{}' is neither 'infer IN.npy OUT.npy' nor 'run SECONDS'",
       line);
}

void serve(const CLI::App& command, const BenchOptions& options) {
  Subject subject = prepare_subject(command, options);
  answer({{"version", version()}, {"mode", to_string(subject.engine.mode())}});
  for (std::string line; std::getline(std::cin, line);) {
    try {
      answer(serve_command(subject, line));
    } catch (const Error& error) {
      answer({{"error", error.what()}});
    }
  }
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa bench deploy.prototxt net.caffemodel --batch 16 --threads 2\n"
    "  kissa bench deploy.prototxt --random-weights 1 --mode caffe --json bench.json\n";

void add_bench_options(CLI::App& command, BenchOptions& options) {
  add_subject_options(command, options);
  command.add_option("--iterations", options.iterations, "Least number of timed runs (10)")
      ->type_name("N");
  command
      .add_option("--warmup-ms", options.warmup_ms, "Milliseconds of runs that do not count (200)")
      ->type_name("MS");
  command.add_option("--duration", options.duration_s, "Least seconds of timed runs (3)")
      ->type_name("S");
  command.add_option("--json", options.json, "Also write the result as JSON")->type_name("FILE");
  command.add_flag("--serve", options.serve)->group("");
}

}  // namespace

void add_bench(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "bench", "Time a network on random inputs: throughput and latency percentiles");
  auto options = std::make_shared<BenchOptions>();
  command.footer(kExamples);
  add_bench_options(command, *options);
  command.callback([options, &command] {
    check_options(*options);
    if (options->serve) {
      serve(command, *options);
    } else {
      bench(command, *options);
    }
  });
}

}  // namespace kissa::tools
