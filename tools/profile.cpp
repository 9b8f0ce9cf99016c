// kissa profile: where a network's time goes, step by step, by kind and by family of tactics.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "commands.h"
#include "interrupt.h"
#include "peaks.h"
#include "step_profile.h"
#include "subject.h"

namespace kissa::tools {
namespace {

struct ProfileOptions : SubjectOptions {
  std::int64_t runs = 20;
  double warmup_ms = 200;
  double duration_s = 3;
  bool attribute = false;
  std::string json;
  std::string trace;
};

void check_options(const ProfileOptions& options) {
  if (options.runs < 1)
    fail(ErrorCode::kInvalidArgument, "--runs {}: give 1 or more", options.runs);
  if (!(options.warmup_ms >= 0))
    fail(ErrorCode::kInvalidArgument, "--warmup-ms {}: give 0 or more", options.warmup_ms);
  if (!(options.duration_s >= 0))
    fail(ErrorCode::kInvalidArgument, "--duration {}: give 0 or more", options.duration_s);
  if (options.attribute && is_plan(options.network.prototxt))
    fail(ErrorCode::kInvalidArgument,
         "--attribute runs the layers unfused too: give the network, not a plan file");
}

ProfileLoad load_of(const ProfileOptions& options) {
  return {.least_runs = static_cast<std::size_t>(options.runs),
          .least_ms = options.duration_s * 1e3,
          .warmup_ms = options.warmup_ms};
}

// "cpu.conv.winograd_f4.f32.avx512" -> "conv.winograd_f4": without device, type and ISA.
std::string family_of(const std::string& tactic) {
  const std::size_t begin = tactic.find('.') + 1;
  std::size_t end = tactic.size();
  for (const char* type : {".f32", ".tf32", ".bf16", ".f16", ".i8"})
    end = std::min(end, tactic.find(type));
  return tactic.substr(begin, end - begin);
}

// Microseconds of each layer in caffe mode, where it is a step of its own.
using LayerTimes = std::map<std::string, double>;

LayerTimes time_unfused(const CLI::App& command, const ProfileOptions& options) {
  SubjectOptions unfused = options;
  unfused.engine.mode = Mode::kCaffe;
  unfused.engine.precision = Precision::kFp32;
  const Subject subject = prepare_subject(command, unfused);
  Context context = subject.create_context();
  const StepProfile profile = profile_network(context, load_of(options));
  const std::vector<StepInfo> steps = subject.engine.steps();
  LayerTimes times;
  for (std::size_t i = 0; i < steps.size(); ++i)
    for (const std::string& layer : steps[i].layers)
      times[layer] += profile.device_us[i] / static_cast<double>(steps[i].layers.size());
  return times;
}

// The step's time, split as its layers' times are in caffe mode.
void print_layers(const StepInfo& step, double us, const LayerTimes& unfused) {
  if (step.layers.size() < 2) return;
  const auto time_of = [&](const std::string& layer) {
    const auto it = unfused.find(layer);
    return it == unfused.end() ? 0.0 : it->second;
  };
  double sum = 0;
  for (const std::string& layer : step.layers) sum += time_of(layer);
  for (const std::string& layer : step.layers)
    fmt::print("{:>11.1f} {:>8}  {} ({:.1f} us unfused)\n",
               sum > 0 ? us * time_of(layer) / sum : 0.0, "", layer, time_of(layer));
}

void print_steps(const std::vector<StepInfo>& steps, const StepProfile& profile,
                 const DevicePeaks& peaks, Precision precision, const LayerTimes& unfused) {
  const double sum = profile.sum_us();
  fmt::print("=== Steps ===\n{:>11} {:>8} {:>10} {:>9} {:>9} {:>7} {:>8} {:>7}  {:<23} {:<36} {}\n",
             "median us", "share", "GFLOP", "MB", "GFLOP/s", "of peak", "GB/s", "of peak", "kind",
             "tactic", "layers");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const double us = profile.device_us[i];
    const Roofline roof = roofline_of(steps[i], us, peaks, precision);
    fmt::print(
        "{:>11.1f} {:>6.2f} % {:>10.6f} {:>9.3f} {:>9.1f} {:>5.1f} % {:>8.1f} {:>5.1f} %  {:<23} "
        "{:<36} {}\n",
        us, us / sum * 100, static_cast<double>(flops_of(steps[i])) * 1e-9,
        bytes_of(steps[i], precision) * 1e-6, roof.gflops, roof.peak_share * 100, roof.bandwidth,
        roof.bandwidth_share * 100, to_string(kind_of(steps[i])), steps[i].tactic,
        what_runs(steps[i]));
    if (!unfused.empty()) print_layers(steps[i], us, unfused);
  }
}

// Of a GPU that is waited for after each step.
void print_idle(const std::vector<StepInfo>& steps, const StepProfile& profile) {
  if (!profile.waits_for_each()) return;
  const std::vector<IdleTime> idle = idle_times(profile);
  fmt::print("\n=== Launching and waiting ===\n{:>12} {:>10} {:>10} {:>9}  {}\n", "computing us",
             "launch us", "wait us", "idle", "layers");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const double us = profile.device_us[i], beside = idle[i].launch + idle[i].wait;
    fmt::print("{:>12.1f} {:>10.1f} {:>10.1f} {:>7.1f} %  {}\n", us, idle[i].launch, idle[i].wait,
               us + beside > 0 ? 100 * beside / (us + beside) : 0.0, what_runs(steps[i]));
  }
}

void print_share(double us, double whole, std::string_view name, int steps) {
  fmt::print("{:>11.1f} {:>6.2f} %  {:<36} {}\n", us, us / whole * 100, name, steps);
}

void print_kinds(const std::vector<KindTime>& times, const StepProfile& profile) {
  const double sum = sum_of(times);
  fmt::print("\n=== Kinds ===\n{:>11} {:>8}  {:<36} {}\n", "us", "share", "kind", "steps");
  for (const KindTime& time : times) print_share(time.us, sum, to_string(time.kind), time.steps);
  if (!profile.launch_us.empty()) fmt::print("{}\n", method_of(profile));
}

void print_families(const std::vector<StepInfo>& steps, const StepProfile& profile) {
  struct Family {
    std::string name;
    double us = 0;
    int steps = 0;
  };
  std::map<std::string, Family> by_name;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Family& family = by_name[family_of(steps[i].tactic)];
    family.us += profile.device_us[i];
    ++family.steps;
  }
  std::vector<Family> families;
  for (auto& [name, family] : by_name) families.push_back({name, family.us, family.steps});
  std::stable_sort(families.begin(), families.end(),
                   [](const Family& a, const Family& b) { return a.us > b.us; });
  fmt::print("\n=== Families ===\n{:>11} {:>8}  {:<36} {}\n", "us", "share", "family", "steps");
  for (const Family& family : families)
    print_share(family.us, profile.sum_us(), family.name, family.steps);
}

void print_check(const std::vector<KindTime>& times, const StepProfile& profile) {
  constexpr double kClose = 5;  // percent
  const double difference = (profile.sum_to_whole - 1) * 100;
  fmt::print("\n=== Check ===\nSum of steps: {:.1f} us\n", profile.sum_us());
  if (!profile.launch_us.empty())
    fmt::print("Sum of kinds, launch and wait among them: {:.1f} us\n", sum_of(times));
  fmt::print("Whole run: {:.1f} us (median)\n", profile.whole_us);
  fmt::print(
      "Difference, run against run (median): {:+.1f} %{}\n", difference,
      std::abs(difference) <= kClose
          ? ""
          : ": more than 5 %; small steps cost more to time, and a busy machine more to run");
}

void profile(const CLI::App& command, const ProfileOptions& options) {
  const Subject subject = prepare_subject(command, options);
  const Engine& engine = subject.engine;
  const std::vector<StepInfo> steps = engine.steps();
  fmt::print("=== Configuration ===\n");
  print_subject(options, subject);
  fmt::print("Runs: at least {} and {} s, after {} ms to warm up\n", options.runs,
             options.duration_s, options.warmup_ms);
  std::fflush(stdout);
  const DevicePeaks peaks = known_peaks(engine.device(), engine.threads());
  fmt::print("Peaks: {:.1f} GFLOP/s, {:.1f} GB/s, measured\n\n", peak_of(peaks, engine.precision()),
             peaks.bandwidth);
  Context context = subject.create_context();
  const StepProfile result = profile_network(context, load_of(options));
  const LayerTimes unfused =
      options.attribute && !interrupted() ? time_unfused(command, options) : LayerTimes();
  if (interrupted()) fmt::print("Interrupted: the figures are of the runs until then\n");
  print_steps(steps, result, peaks, engine.precision(), unfused);
  print_idle(steps, result);
  const std::vector<KindTime> times = times_by_kind(steps, result);
  print_kinds(times, result);
  print_families(steps, result);
  print_check(times, result);
  if (!options.json.empty()) {
    Json document = new_result("profile", engine.name(), engine.device());
    document["complete"] = !interrupted();
    document.update(profile_json(engine, subject.batch(), result, peaks));
    if (!unfused.empty()) document["unfused_us"] = unfused;
    write_json(document, options.json);
  }
  if (!options.trace.empty()) write_json(chrome_trace(engine, result), options.trace);
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa profile deploy.prototxt net.caffemodel --threads 2\n"
    "  kissa profile deploy.prototxt --random-weights 1 --mode caffe --json profile.json\n"
    "  kissa profile deploy.prototxt net.caffemodel --attribute --trace trace.json\n";

}  // namespace

void add_profile(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "profile", "Tell where a network's time goes: by step, by kind, against the peaks");
  auto options = std::make_shared<ProfileOptions>();
  command.footer(kExamples);
  add_subject_options(command, *options);
  add_load_inputs(command, *options);
  command.add_option("--runs", options->runs, "Least number of timed runs (20)")->type_name("N");
  command
      .add_option("--warmup-ms", options->warmup_ms, "Milliseconds of runs that do not count (200)")
      ->type_name("MS");
  command.add_option("--duration", options->duration_s, "Least seconds of timed runs (3)")
      ->type_name("S");
  command.add_flag("--attribute", options->attribute,
                   "Split fused steps among their layers, as these take time unfused");
  command.add_option("--json", options->json, "Also write the result as JSON")->type_name("FILE");
  command
      .add_option("--trace", options->trace,
                  "Write the last runs as a Chrome trace, which Perfetto opens")
      ->type_name("FILE");
  command.callback([options, &command] {
    check_options(*options);
    profile(command, *options);
  });
}

}  // namespace kissa::tools
