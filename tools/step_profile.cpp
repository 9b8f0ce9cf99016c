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

double StepProfile::sum_us() const {
  return std::accumulate(device_us.begin(), device_us.end(), 0.0);
}

StepProfile profile_network(Context& context, const ProfileLoad& load) {
  const InterruptGuard guard;
  context.run();
  auto start = std::chrono::steady_clock::now();
  while (!interrupted() && elapsed_ms(start) < load.warmup_ms) context.run_measured(false);
  StepProfile profile;
  std::vector<std::vector<double>> device, launch;
  std::vector<double> whole, ratios;
  Progress progress(100, "%");
  start = std::chrono::steady_clock::now();
  while (whole.empty() || (!interrupted() &&
                           (whole.size() < load.least_runs || elapsed_ms(start) < load.least_ms))) {
    whole.push_back(context.run_measured(false).wall);
    StepTimes run = context.run_profiled();
    device.push_back(run.device);
    ratios.push_back(std::accumulate(run.device.begin(), run.device.end(), 0.0) / whole.back());
    if (!run.launch.empty()) launch.push_back(run.launch);
    profile.runs.push_back(std::move(run));
    if (profile.runs.size() > kKeptRuns) profile.runs.erase(profile.runs.begin());
    progress.reach(static_cast<std::size_t>(
        std::min(99.0, 100 * elapsed_ms(start) / std::max(load.least_ms, 1.0))));
  }
  profile.count = whole.size();
  profile.device_us = medians(device);
  profile.launch_us = medians(launch);
  profile.whole_us = summarize(std::move(whole)).median;
  profile.sum_to_whole = summarize(std::move(ratios)).median;
  return profile;
}

std::vector<KindTime> times_by_kind(const std::vector<StepInfo>& steps, const StepProfile& profile,
                                    bool on_gpu) {
  std::map<Kind, KindTime> by_kind;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    KindTime& time = by_kind[kind_of(steps[i])];
    time.us += profile.device_us[i];
    ++time.steps;
  }
  if (on_gpu) {
    const double beyond = std::max(0.0, profile.whole_us - profile.sum_us());
    const double launches =
        std::accumulate(profile.launch_us.begin(), profile.launch_us.end(), 0.0);
    by_kind[Kind::kLaunch].us = std::min(launches, beyond);
    by_kind[Kind::kWait].us = beyond - by_kind[Kind::kLaunch].us;
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
  Json rows = Json::array();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Json row = step_json(steps[i], profile.device_us[i], sum, peaks, engine.precision());
    if (!profile.launch_us.empty()) row["launch_us"] = profile.launch_us[i];
    rows.push_back(std::move(row));
  }
  Json kinds = Json::array();
  for (const KindTime& time : times_by_kind(steps, profile, engine.device().starts_with("cuda")))
    kinds.push_back({{"kind", to_string(time.kind)}, {"us", time.us}, {"steps", time.steps}});
  return {{"setting", setting_json(engine, batch)},
          {"runs", profile.count},
          {"whole_us", profile.whole_us},
          {"sum_us", sum},
          {"sum_to_whole", profile.sum_to_whole},
          {"peaks", to_json(peaks)},
          {"kinds", std::move(kinds)},
          {"steps", std::move(rows)},
          {"memory", memory_json(engine)}};
}

Json chrome_trace(const Engine& engine, const StepProfile& profile) {
  constexpr int kStream = 1, kHost = 2;
  const std::vector<StepInfo> steps = engine.steps();
  Json events = Json::array();
  const auto name_thread = [&](int id, const std::string& name) {
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 1},
                      {"tid", id},
                      {"args", {{"name", name}}}});
  };
  name_thread(kStream, engine.device() == "cpu" ? fmt::format("cpu, {} threads", engine.threads())
                                                : "stream of " + engine.device());
  if (!profile.launch_us.empty()) name_thread(kHost, "host: launches");
  double begin = 0;
  for (const StepTimes& run : profile.runs) {
    double at = begin;
    double host_at = begin;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const std::string name = what_runs(steps[i]);
      events.push_back({{"name", name},
                        {"cat", to_string(kind_of(steps[i]))},
                        {"ph", "X"},
                        {"ts", at},
                        {"dur", run.device[i]},
                        {"pid", 1},
                        {"tid", kStream},
                        {"args", {{"tactic", steps[i].tactic}, {"flops", flops_of(steps[i])}}}});
      at += run.device[i];
      if (run.launch.empty()) continue;
      events.push_back({{"name", name},
                        {"cat", "kernel launch"},
                        {"ph", "X"},
                        {"ts", host_at},
                        {"dur", run.launch[i]},
                        {"pid", 1},
                        {"tid", kHost}});
      host_at = std::max(host_at + run.launch[i], engine.mode() == Mode::kCaffe ? at : 0.0);
    }
    begin += std::max(run.wall, at - begin);
  }
  return {{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events)}};
}

}  // namespace kissa::tools
