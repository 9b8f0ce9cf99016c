#include "step_profile.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "interrupt.h"
#include "options.h"
#include "peaks.h"
#include "progress.h"
#include "subject.h"

namespace kissa::tools {
namespace {

constexpr std::size_t kKeptRuns = 20;

struct OpKind {
  std::string_view op;
  Kind kind;
};
// The first that a step has names it.
constexpr std::array kOpKinds = {OpKind{"convolution", Kind::kConvolution},
                                 OpKind{"deconvolution", Kind::kConvolution},
                                 OpKind{"im2col", Kind::kConvolution},
                                 OpKind{"inner_product", Kind::kInnerProduct},
                                 OpKind{"lrn", Kind::kNormalisation},
                                 OpKind{"batch_norm", Kind::kNormalisation},
                                 OpKind{"mvn", Kind::kNormalisation},
                                 OpKind{"scale", Kind::kNormalisation},
                                 OpKind{"normalize", Kind::kNormalisation},
                                 OpKind{"pooling", Kind::kPooling},
                                 OpKind{"softmax", Kind::kSoftmax},
                                 OpKind{"relu", Kind::kConvolution},
                                 OpKind{"prelu", Kind::kConvolution},
                                 OpKind{"elu", Kind::kConvolution},
                                 OpKind{"sigmoid", Kind::kConvolution},
                                 OpKind{"tanh", Kind::kConvolution},
                                 OpKind{"swish", Kind::kConvolution},
                                 OpKind{"clip", Kind::kConvolution},
                                 OpKind{"bias", Kind::kConvolution},
                                 OpKind{"concat", Kind::kCopy},
                                 OpKind{"slice", Kind::kCopy},
                                 OpKind{"identity", Kind::kCopy},
                                 OpKind{"flatten", Kind::kCopy},
                                 OpKind{"reshape", Kind::kCopy},
                                 OpKind{"tile", Kind::kCopy},
                                 OpKind{"crop", Kind::kCopy},
                                 OpKind{"batch_reindex", Kind::kCopy},
                                 OpKind{"permute", Kind::kCopy},
                                 OpKind{"shuffle_channel", Kind::kCopy},
                                 OpKind{"reorg", Kind::kCopy},
                                 OpKind{"reverse", Kind::kCopy},
                                 OpKind{"roi_pooling", Kind::kPooling},
                                 OpKind{"psroi_pooling", Kind::kPooling},
                                 OpKind{"softmax_loss", Kind::kSoftmax}};

double total(const std::vector<double>& times) {
  return std::accumulate(times.begin(), times.end(), 0.0);
}

struct Unmarked {
  std::vector<double> device;
  double mark = 0;  // what was taken off each
};
Unmarked without_marks(std::vector<double> device, double computing) {
  const double beyond = std::max(0.0, total(device) - computing);
  Unmarked unmarked{std::move(device)};
  unmarked.mark = beyond / static_cast<double>(std::max<std::size_t>(unmarked.device.size(), 1));
  for (double& us : unmarked.device) us = std::max(0.0, us - unmarked.mark);
  return unmarked;
}

std::vector<IdleTime> idle_times(const std::vector<double>& device,
                                 const std::vector<double>& launch,
                                 const std::vector<double>& wait) {
  std::vector<IdleTime> times;
  for (std::size_t i = 0; i < launch.size(); ++i)
    times.push_back(
        idle_time(launch.size() == device.size() ? device[i] : total(device), launch[i], wait[i]));
  return times;
}

double sum_of_kinds(const StepTimes& run) {
  const std::vector<double> device = tools::without_marks(run);
  double all = total(device);
  for (const IdleTime& idle : idle_times(device, run.launch, run.wait))
    all += idle.launch + idle.wait;
  return all;
}

std::vector<double> medians(const std::vector<std::vector<double>>& runs) {
  std::vector<double> result;
  for (std::size_t i = 0; !runs.empty() && i < runs.front().size(); ++i) {
    std::vector<double> times;
    for (const std::vector<double>& run : runs) times.push_back(run[i]);
    result.push_back(summarize(std::move(times)).median);
  }
  return result;
}

Json memory_json(const Engine& engine) {
  const MemoryInfo memory = engine.memory();
  Json blocks = Json::array();
  for (const MemoryBlock& block : engine.memory_blocks())
    blocks.push_back({{"name", block.name},
                      {"offset", block.offset},
                      {"bytes", block.bytes},
                      {"first", block.first_step},
                      {"last", block.last_step}});
  return {{"weights", memory.weights},
          {"arena", memory.arena},
          {"activations", memory.activations},
          {"blocks", std::move(blocks)}};
}

Json step_json(const StepInfo& step, double us, double sum, const DevicePeaks& peaks,
               Precision precision) {
  const Roofline roof = roofline_of(step, us, peaks, precision);
  Json outputs = Json::array();
  for (const TensorInfo& output : step.outputs)
    outputs.push_back({{"name", output.name}, {"dims", output.dims}});
  return {{"name", what_runs(step)},
          {"layers", step.layers},
          {"ops", step.ops},
          {"kind", to_string(kind_of(step))},
          {"tactic", step.tactic},
          {"outputs", std::move(outputs)},
          {"us", us},
          {"share", sum > 0 ? us / sum : 0},
          {"multiply_adds", step.multiply_adds},
          {"flops", flops_of(step)},
          {"bytes", bytes_of(step, precision)},
          {"gflops", roof.gflops},
          {"bandwidth", roof.bandwidth},
          {"peak_share", roof.peak_share},
          {"bandwidth_share", roof.bandwidth_share},
          {"least_us", roof.least_us},
          {"bound", roof.memory_bound ? "memory" : "compute"}};
}

}  // namespace

std::string_view to_string(Kind kind) {
  constexpr std::array<std::string_view, 9> kNames = {
      "convolution+activation", "pooling", "normalisation", "inner product",       "softmax",
      "copy/reorder",           "other",   "kernel launch", "synchronisation wait"};
  return kNames[static_cast<std::size_t>(kind)];
}

Kind kind_of(const StepInfo& step) {
  if (step.ops.empty()) return Kind::kCopy;
  for (const OpKind& known : kOpKinds)
    if (std::find(step.ops.begin(), step.ops.end(), known.op) != step.ops.end()) return known.kind;
  return Kind::kOther;
}

double StepProfile::sum_us() const { return total(device_us); }

std::vector<double> without_marks(const StepTimes& run) {
  return without_marks(run.device, run.computing).device;
}

IdleTime idle_time(double device, double launch, double wait) {
  const double idle = std::max(0.0, launch + wait - device);
  return {std::min(launch, idle), std::max(0.0, idle - launch)};
}

std::vector<IdleTime> idle_times(const StepProfile& profile) {
  return idle_times(profile.device_us, profile.launch_us, profile.wait_us);
}

StepProfile profile_network(Context& context, const ProfileLoad& load) {
  const InterruptGuard guard;
  context.run();
  auto start = std::chrono::steady_clock::now();
  while (!interrupted() && elapsed_ms(start) < load.warmup_ms) context.run_measured(false);
  StepProfile profile;
  std::vector<std::vector<double>> device, launch, wait;
  std::vector<double> computing, whole, ratios;
  Progress progress(100, "%");
  start = std::chrono::steady_clock::now();
  while (whole.empty() || (!interrupted() &&
                           (whole.size() < load.least_runs || elapsed_ms(start) < load.least_ms))) {
    whole.push_back(context.run_measured(false).wall);
    StepTimes run = context.run_profiled();
    ratios.push_back(sum_of_kinds(run) / whole.back());
    device.push_back(run.device);
    computing.push_back(run.computing);
    launch.push_back(run.launch);
    wait.push_back(run.wait);
    profile.runs.push_back(std::move(run));
    if (profile.runs.size() > kKeptRuns) profile.runs.erase(profile.runs.begin());
    progress.reach(static_cast<std::size_t>(
        std::min(99.0, 100 * elapsed_ms(start) / std::max(load.least_ms, 1.0))));
  }
  profile.count = whole.size();
  Unmarked unmarked = without_marks(medians(device), summarize(std::move(computing)).median);
  profile.device_us = std::move(unmarked.device);
  profile.mark_us = unmarked.mark;
  profile.launch_us = medians(launch);
  profile.wait_us = medians(wait);
  profile.whole_us = summarize(std::move(whole)).median;
  profile.sum_to_whole = summarize(std::move(ratios)).median;
  return profile;
}

std::vector<KindTime> times_by_kind(const std::vector<StepInfo>& steps,
                                    const StepProfile& profile) {
  std::map<Kind, KindTime> by_kind;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    KindTime& time = by_kind[kind_of(steps[i])];
    time.us += profile.device_us[i];
    ++time.steps;
  }
  for (const IdleTime& idle : idle_times(profile)) {
    by_kind[Kind::kLaunch].us += idle.launch;
    by_kind[Kind::kWait].us += idle.wait;
  }
  std::vector<KindTime> times;
  for (auto& [kind, time] : by_kind) {
    time.kind = kind;
    times.push_back(time);
  }
  std::stable_sort(times.begin(), times.end(),
                   [](const KindTime& a, const KindTime& b) { return a.us > b.us; });
  return times;
}

double sum_of(const std::vector<KindTime>& times) {
  return std::accumulate(times.begin(), times.end(), 0.0,
                         [](double all, const KindTime& time) { return all + time.us; });
}

std::string method_of(const StepProfile& profile) {
  return fmt::format(
      "Computing by the GPU's events around each step of a recorded run, less {:.2f} us a step "
      "that "
      "the events cost (by a run with events at its ends alone). Launch and wait by the host's "
      "clock "
      "{}: the GPU's idle time, as far as the calls that start work last, and the rest. Without "
      "CUPTI.",
      profile.mark_us,
      profile.waits_for_each() ? "while each step is waited for" : "around the whole run");
}

double bytes_of(const StepInfo& step, Precision precision) {
  const double width = precision == Precision::kInt8                                    ? 1
                       : precision == Precision::kFp16 || precision == Precision::kBf16 ? 2
                                                                                        : 4;
  return static_cast<double>(step.bytes) * width / 4;
}

Roofline roofline_of(const StepInfo& step, double us, const DevicePeaks& peaks,
                     Precision precision) {
  Roofline roof;
  const auto flops = static_cast<double>(flops_of(step));
  const double bytes = bytes_of(step, precision);
  const double peak = peak_of(peaks, precision);
  if (us > 0) {
    roof.gflops = flops / us * 1e-3;
    roof.bandwidth = bytes / us * 1e-3;
  }
  if (peak <= 0 || peaks.bandwidth <= 0) return roof;
  roof.peak_share = roof.gflops / peak;
  roof.bandwidth_share = roof.bandwidth / peaks.bandwidth;
  const double compute_us = flops / peak * 1e-3;
  const double memory_us = bytes / peaks.bandwidth * 1e-3;
  roof.memory_bound = memory_us > compute_us;
  roof.least_us = std::max(compute_us, memory_us);
  return roof;
}

Json setting_json(const Engine& engine, std::int64_t batch) {
  return {{"mode", to_string(engine.mode())},
          {"precision", to_string(engine.precision())},
          {"device", engine.device()},
          {"batch", batch},
          {"threads", engine.threads()}};
}

Json profile_json(const Engine& engine, std::int64_t batch, const StepProfile& profile,
                  const DevicePeaks& peaks) {
  const std::vector<StepInfo> steps = engine.steps();
  const double sum = profile.sum_us();
  const std::vector<IdleTime> idle = idle_times(profile);
  Json rows = Json::array();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Json row = step_json(steps[i], profile.device_us[i], sum, peaks, engine.precision());
    if (profile.waits_for_each())
      row.update({{"launch_us", idle[i].launch}, {"wait_us", idle[i].wait}});
    rows.push_back(std::move(row));
  }
  const std::vector<KindTime> times = times_by_kind(steps, profile);
  Json kinds = Json::array();
  for (const KindTime& time : times)
    kinds.push_back({{"kind", to_string(time.kind)}, {"us", time.us}, {"steps", time.steps}});
  Json json = {{"setting", setting_json(engine, batch)},
               {"runs", profile.count},
               {"whole_us", profile.whole_us},
               {"sum_us", sum},
               {"kinds_us", sum_of(times)},
               {"sum_to_whole", profile.sum_to_whole},
               {"peaks", to_json(peaks)},
               {"kinds", std::move(kinds)},
               {"steps", std::move(rows)},
               {"memory", memory_json(engine)}};
  if (!idle.empty())
    json.update({{"mark_us", profile.mark_us},
                 {"host_launch_us", total(profile.launch_us)},
                 {"host_wait_us", total(profile.wait_us)},
                 {"method", method_of(profile)}});
  return json;
}

}  // namespace kissa::tools
