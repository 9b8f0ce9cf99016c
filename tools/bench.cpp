// kissa bench: how fast a network runs, in the way of trtexec.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "bench_report.h"
#include "bench_serve.h"
#include "burst.h"
#include "commands.h"
#include "interrupt.h"
#include "load.h"
#include "subject.h"

namespace kissa::tools {
namespace {

struct BenchOptions : SubjectOptions {
  std::int64_t iterations = 10;
  double warmup_ms = 200;
  double duration_s = 3;
  std::int64_t streams = 1;
  double qps = 0;
  double sustained_s = 0;
  bool copies = false;
  std::string cuda_graph = "on";
  std::string percentiles = "90,95,99";
  std::int64_t average_runs = 0;
  std::string json;
  std::string times;
  std::string profile;
  std::string layer_info;
  std::string output;
  bool dump_output = false;
  bool serve = false;
};

void check_options(const BenchOptions& options) {
  const auto at_least = [](const char* name, double value, double least) {
    if (!(value >= least && std::isfinite(value)))
      fail(ErrorCode::kInvalidArgument, "{} {:g}: give {:g} or more", name, value, least);
  };
  at_least("--iterations", static_cast<double>(options.iterations), 1);
  at_least("--warmup-ms", options.warmup_ms, 0);
  at_least("--duration", options.duration_s, 0);
  at_least("--streams", static_cast<double>(options.streams), 1);
  at_least("--qps", options.qps, 0);
  at_least("--sustained", options.sustained_s, 0);
  at_least("--avg-runs", static_cast<double>(options.average_runs), 0);
}

std::string loop_of(const BenchOptions& options) {
  const std::string loop = options.qps > 0
                               ? fmt::format("open loop at {:g} queries a second", options.qps)
                               : "closed loop";
  return fmt::format("{} stream{}, {}", options.streams, options.streams == 1 ? "" : "s", loop);
}

void print_configuration(const BenchOptions& options, const Subject& subject) {
  fmt::print("=== Configuration ===\n");
  print_subject(options, subject);
  fmt::print("Load: {}\n", loop_of(options));
  if (subject.on_gpu())
    fmt::print("Transfers: {}; CUDA graph: {}; waiting: {}\n",
               options.copies ? "included" : "not included", options.cuda_graph,
               options.engine.spin_wait ? "spinning" : "as the driver likes");
  fmt::print("Runs: at least {} and {} s, after {} ms to warm up\n\n", options.iterations,
             options.duration_s, options.warmup_ms);
  std::fflush(stdout);
}

// As many runs as the trace has, but for half a second at most.
std::vector<StepTimes> profile_steps(Context& context, std::size_t queries) {
  constexpr double kMostMs = 500;
  std::vector<StepTimes> runs;
  const auto start = std::chrono::steady_clock::now();
  while (runs.size() < queries && (runs.empty() || elapsed_ms(start) < kMostMs))
    runs.push_back(context.run_profiled());
  return runs;
}

void print_output(const Engine& engine, const Context& context) {
  for (const TensorInfo& info : engine.outputs()) {
    fmt::print("{} {}:", info.name, to_string(info.dims));
    for (const float value : context.output(info.name)) fmt::print(" {:g}", value);
    fmt::print("\n");
  }
}

void write_files(const BenchOptions& options, const Subject& subject, const LoadTrace& trace,
                 Context& context) {
  if (!options.times.empty()) write_json(times_document(trace), options.times);
  if (!options.layer_info.empty())
    write_json(layer_info_document(subject.engine), options.layer_info);
  if (options.dump_output || !options.output.empty()) context.run();
  if (options.dump_output) print_output(subject.engine, context);
  if (!options.output.empty()) write_json(output_document(subject.engine, context), options.output);
  if (!options.profile.empty())
    write_json(layer_profile_document(subject.engine.steps(),
                                      profile_steps(context, trace.queries.size())),
               options.profile);
}

// What queries that come one at a time do not show; nothing on a CPU.
struct OwnTimes {
  std::optional<Latency> burst;
  std::optional<double> sustained_ms;
};
OwnTimes time_gpu(const BenchOptions& options, const Subject& subject, Context& context) {
  OwnTimes times;
  if (!subject.on_gpu()) return times;
  times.burst = time_bursts(context);
  if (options.sustained_s > 0 && !interrupted())
    times.sustained_ms = time_sustained(context, options.sustained_s);
  return times;
}

void print_own_times(const OwnTimes& times, double sustained_s) {
  if (times.burst)
    fmt::print("GPU Burst Time: {} (a query of {} in a row)\n", to_text(*times.burst),
               kBurstQueries);
  if (times.sustained_ms)
    fmt::print("GPU Sustained Time: {:.6g} ms (a query, without a pause for {:g} s)\n",
               *times.sustained_ms, sustained_s);
}

void add_own_times(const OwnTimes& times, Json& row) {
  row["burst_us"] = times.burst ? Json(rounded_us(times.burst->median * 1e3)) : Json();
  row["sustained_us"] = times.sustained_ms ? Json(rounded_us(*times.sustained_ms * 1e3)) : Json();
}

void bench(const CLI::App& command, const BenchOptions& options) {
  const std::vector<double> percents = parse_percents(options.percentiles);
  const Subject subject = prepare_subject(command, options);
  if (options.sustained_s > 0 && !subject.on_gpu())
    fail(ErrorCode::kInvalidArgument, "--sustained {:g}: only a GPU has that; this is the {}",
         options.sustained_s, subject.engine.device());
  print_configuration(options, subject);
  std::vector<Context> contexts;
  for (std::int64_t i = 0; i < options.streams; ++i)
    contexts.push_back(subject.create_context({.graph = options.cuda_graph == "on"}));
  const LoadTrace trace =
      run_load(contexts, {.least_queries = static_cast<std::size_t>(options.iterations),
                          .least_ms = options.duration_s * 1e3,
                          .warmup_ms = options.warmup_ms,
                          .qps = options.qps,
                          .copies = options.copies});
  fmt::print("Warmup completed {} queries over {:.6g} ms\n", trace.warmup_queries, trace.warmup_ms);
  fmt::print("Timing trace has {} queries over {:.6g} s\n", trace.queries.size(),
             trace.wall_ms * 1e-3);
  if (interrupted()) fmt::print("Interrupted: the figures are of the queries until then\n");
  fmt::print("\n");
  const TraceSummary summary = summarize(trace, percents);
  const TraceSetting setting{.streams = contexts.size(),
                             .qps = options.qps,
                             .on_gpu = subject.on_gpu(),
                             .batch = subject.batch()};
  if (options.average_runs > 0)
    print_trace_averages(trace, static_cast<std::size_t>(options.average_runs), setting);
  print_summary(trace, summary, setting);
  const OwnTimes own = time_gpu(options, subject, contexts.front());
  print_own_times(own, options.sustained_s);
  if (!options.json.empty()) {
    Json document = new_result("bench", subject.engine.name(), subject.engine.device());
    Json row = to_row(subject.engine, trace, summary, setting);
    row["transfers"] = options.copies;
    row["cuda_graph"] = subject.on_gpu() ? Json(options.cuda_graph == "on") : Json();
    add_own_times(own, row);
    row["memory"] = {{"weights", subject.engine.memory().weights},
                     {"arena", subject.engine.memory().arena}};
    row["complete"] = !interrupted();
    document["rows"] = Json::array({std::move(row)});
    write_json(document, options.json);
  }
  write_files(options, subject, trace, contexts.front());
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa bench deploy.prototxt net.caffemodel --batch 16 --threads 2\n"
    "  kissa bench deploy.prototxt --random-weights 1 --mode caffe --json bench.json\n"
    "  kissa bench net.kissa --streams 2 --qps 100 --percentile 50,99,99.9\n";

void add_load_options(CLI::App& command, BenchOptions& options) {
  command.add_option("--iterations", options.iterations, "Least number of timed queries (10)")
      ->type_name("N");
  command
      .add_option("--warmup-ms", options.warmup_ms,
                  "Milliseconds of queries that do not count (200)")
      ->type_name("MS");
  command.add_option("--duration", options.duration_s, "Least seconds of timed queries (3)")
      ->type_name("S");
  command
      .add_option("--streams", options.streams,
                  "Queries at once, each with memory, and --threads threads, of its own (1)")
      ->type_name("N");
  command
      .add_option("--qps", options.qps,
                  "Open loop: queries come at this rate, and waiting counts as latency (0: each "
                  "comes when the last has ended)")
      ->type_name("RATE");
  command
      .add_option("--sustained", options.sustained_s,
                  "Also let a GPU run queries without a pause for so many seconds, and tell its "
                  "time of one (0: do not)")
      ->type_name("S");
  command.add_flag("--include-transfers", options.copies,
                   "Copy inputs to the GPU and outputs back in each query, and time that");
  command
      .add_option("--cuda-graph", options.cuda_graph,
                  "Start all steps of a query as one graph: on (default) or off")
      ->type_name("ON|OFF")
      ->check(CLI::IsMember({"on", "off"}));
  command.add_flag("--spin-wait", options.engine.spin_wait,
                   "Wait for the GPU in a busy loop: less latency, a whole processor");
  add_load_inputs(command, options);
}

void add_report_options(CLI::App& command, BenchOptions& options) {
  const auto file = [&command](const char* name, std::string& path, const char* text) {
    command.add_option(name, path, text)->type_name("FILE");
  };
  command
      .add_option("--percentile", options.percentiles,
                  "Percentiles to tell, separated by commas (90,95,99)")
      ->type_name("P,...");
  command
      .add_option("--avg-runs", options.average_runs,
                  "Also print the averages of every N queries in a row")
      ->type_name("N");
  command.add_flag("--dump-output", options.dump_output, "Print the outputs of the last query");
  file("--json", options.json, "Also write the result as JSON");
  file("--export-times", options.times, "Write the times of every query as JSON");
  file("--export-profile", options.profile, "Write the times of every step as JSON");
  file("--export-layer-info", options.layer_info, "Write what each step is as JSON");
  file("--export-output", options.output, "Write the outputs as JSON");
  command.add_flag("--serve", options.serve)->group("");
}

}  // namespace

void add_bench(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "bench", "Time a network as trtexec does: throughput and latency percentiles");
  auto options = std::make_shared<BenchOptions>();
  command.footer(kExamples);
  add_subject_options(command, *options);
  add_load_options(command, *options);
  add_report_options(command, *options);
  command.callback([options, &command] {
    check_options(*options);
    if (options->serve) {
      serve_bench(command, *options);
    } else {
      bench(command, *options);
    }
  });
}

}  // namespace kissa::tools
