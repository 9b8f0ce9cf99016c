// The protocol of bench/peers/worker.py: lines in, lines of JSON out.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <sstream>

#include "base/error.h"
#include "bench_serve.h"
#include "burst.h"
#include "npy.h"
#include "result.h"

namespace kissa::tools {
namespace {

struct Served {
  Subject subject;
  Context context = subject.create_context();
};

void answer(const Json& json) {
  fmt::print("{}\n", to_line(json));
  std::fflush(stdout);
}

Json serve_infer(Served& served, const std::string& source, const std::string& destination) {
  const NpyArray images = read_npy(source);
  const std::span<float> input = served.context.input(served.subject.engine.inputs().front().name);
  if (images.data.size() != input.size())
    fail(ErrorCode::kInvalidFile, "{}: {} does not fit the input {}", source,
         to_string(images.dims), to_string(served.subject.input_dims()));
  std::copy(images.data.begin(), images.data.end(), input.begin());
  served.context.run();
  const TensorInfo& output = served.subject.engine.outputs().front();
  write_npy(destination, output.dims, served.context.output(output.name));
  return Json::object();
}

// On a GPU without copies, as its peers are timed on inputs that lie there.
std::vector<double> run_times_ms(Served& served, double seconds) {
  constexpr std::size_t kLeastRuns = 2;
  if (!served.subject.on_gpu()) return time_runs(served.context, kLeastRuns, seconds * 1e3);
  std::vector<double> times_ms;
  const auto start = std::chrono::steady_clock::now();
  while (times_ms.size() < kLeastRuns || elapsed_ms(start) < seconds * 1e3)
    times_ms.push_back(served.context.run_measured(false).wall * 1e-3);
  return times_ms;
}

// One run before those that count brings the caches back.
Json serve_run(Served& served, double seconds) {
  served.context.run();
  Json times = Json::array();
  for (const double ms : run_times_ms(served, seconds)) times.push_back(rounded_us(ms * 1e3));
  return {{"us", std::move(times)}};
}

Json serve_gpu(Served& served, const std::string& command, double seconds) {
  if (!served.subject.on_gpu())
    fail(ErrorCode::kInvalidArgument, "'{}': only a GPU has that; this is the {}", command,
         served.subject.engine.device());
  const double ms = command == "burst" ? time_bursts(served.context).median
                                       : time_sustained(served.context, seconds);
  return {{"us", rounded_us(ms * 1e3)}};
}

Json serve_command(Served& served, const std::string& line) {
  std::istringstream words(line);
  std::string command, source, destination;
  double seconds = 0;
  words >> command;
  if (command == "infer" && words >> source >> destination)
    return serve_infer(served, source, destination);
  if (command == "run" && words >> seconds) return serve_run(served, seconds);
  if (command == "burst" || (command == "sustained" && words >> seconds))
    return serve_gpu(served, command, seconds);
  fail(ErrorCode::kInvalidArgument,
       "'{}' is none of 'infer IN.npy OUT.npy', 'run SECONDS', 'burst', 'sustained SECONDS'", line);
}

}  // namespace

void serve_bench(const CLI::App& command, const SubjectOptions& options) {
  Served served{prepare_subject(command, options)};
  const MemoryInfo memory = served.subject.engine.memory();
  answer({{"version", version()},
          {"mode", to_string(served.subject.engine.mode())},
          {"memory", {{"weights", memory.weights}, {"arena", memory.arena}}}});
  for (std::string line; std::getline(std::cin, line);) {
    try {
      answer(serve_command(served, line));
    } catch (const Error& error) {
      answer({{"error", error.what()}});
    }
  }
}

}  // namespace kissa::tools
