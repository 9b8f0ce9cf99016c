// The protocol of bench/peers/worker.py: lines in, lines of JSON out.
#include <fmt/core.h>

#include <algorithm>
#include <iostream>
#include <sstream>

#include "base/error.h"
#include "bench_serve.h"
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

// One run before those that count brings the caches back.
Json serve_run(Served& served, double seconds) {
  constexpr std::size_t kLeastRuns = 2;
  served.context.run();
  Json times = Json::array();
  for (const double ms : time_runs(served.context, kLeastRuns, seconds * 1e3))
    times.push_back(rounded_us(ms * 1e3));
  return {{"us", std::move(times)}};
}

Json serve_command(Served& served, const std::string& line) {
  std::istringstream words(line);
  std::string command, source, destination;
  double seconds = 0;
  words >> command;
  if (command == "infer" && words >> source >> destination)
    return serve_infer(served, source, destination);
  if (command == "run" && words >> seconds) return serve_run(served, seconds);
  fail(ErrorCode::kInvalidArgument, "'{}' is neither 'infer IN.npy OUT.npy' nor 'run SECONDS'",
       line);
}

}  // namespace

void serve_bench(const CLI::App& command, const SubjectOptions& options) {
  Served served{prepare_subject(command, options)};
  answer({{"version", version()}, {"mode", to_string(served.subject.engine.mode())}});
  for (std::string line; std::getline(std::cin, line);) {
    try {
      answer(serve_command(served, line));
    } catch (const Error& error) {
      answer({{"error", error.what()}});
    }
  }
}

}  // namespace kissa::tools
