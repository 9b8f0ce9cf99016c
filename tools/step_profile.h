// Where a network's time goes: step by step, in the midst of its runs, and by kind of work.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kissa/kissa.h"
#include "result.h"

namespace kissa::tools {

enum class Kind {
  kConvolution,  // and activations
  kPooling,
  kNormalisation,
  kInnerProduct,
  kSoftmax,
  kCopy,  // changes of layout, concatenations, and whatever else moves data
  kOther,
  kLaunch,  // a GPU stands idle while the host starts work on it
  kWait,    // a GPU stands idle, and the host waits for it
};
std::string_view to_string(Kind kind);
// By the op of the step that weighs most.
Kind kind_of(const StepInfo& step);

struct StepProfile {
  std::vector<double> device_us;  // of each step: medians, less the cost of its mark
  double mark_us = 0;             // that cost
  std::vector<double> launch_us;  // medians of StepTimes::launch
  std::vector<double> wait_us;    // the same of StepTimes::wait
  double whole_us = 0;            // of runs that nothing is asked of: the median
  double sum_to_whole = 0;        // a profiled run's kinds to the plain run before it: the median
  std::vector<StepTimes> runs;    // the last few
  std::size_t count = 0;

  double sum_us() const;  // of the steps
  bool waits_for_each() const { return wait_us.size() == device_us.size(); }
};
// The steps' times without the cost of the marks between them, which is the same for each.
std::vector<double> without_marks(const StepTimes& run);

// What launching and waiting add to the time that a GPU computes.
struct IdleTime {
  double launch = 0;
  double wait = 0;
};
// `launch` and `wait` as in StepTimes: the host waits while the GPU computes, and may still launch
// while it does. What both take beyond `device` is idle; of that, launching is as much as it took.
IdleTime idle_time(double device, double launch, double wait);
// Of each step where each is waited for, else one for the run; empty where there is no GPU.
std::vector<IdleTime> idle_times(const StepProfile& profile);

struct ProfileLoad {
  std::size_t least_runs = 20;
  double least_ms = 3000;
  double warmup_ms = 200;
};
// Profiled and plain runs take turns, so that the machine's moods meet both. An interrupt ends it
// early.
StepProfile profile_network(Context& context, const ProfileLoad& load);

struct KindTime {
  Kind kind;
  double us = 0;
  int steps = 0;
};
// Largest first; with launches and waiting where there is a GPU.
std::vector<KindTime> times_by_kind(const std::vector<StepInfo>& steps, const StepProfile& profile);
double sum_of(const std::vector<KindTime>& times);
// How the times were taken, and what they hold, in a line or two; of a GPU.
std::string method_of(const StepProfile& profile);

// A step held against the device's peaks.
struct Roofline {
  double gflops = 0;
  double bandwidth = 0;  // GB/s
  double peak_share = 0;
  double bandwidth_share = 0;
  double least_us = 0;  // what the peaks allow; 0: no peaks
  bool memory_bound = false;
};
Roofline roofline_of(const StepInfo& step, double us, const DevicePeaks& peaks,
                     Precision precision);
// The least bytes of a step with values as wide as the precision's.
double bytes_of(const StepInfo& step, Precision precision);
inline std::int64_t flops_of(const StepInfo& step) {
  return 2 * step.multiply_adds + step.other_operations;
}

// "setting", "steps", "kinds", "whole_us", "peaks", "memory" and more of a result.
Json profile_json(const Engine& engine, std::int64_t batch, const StepProfile& profile,
                  const DevicePeaks& peaks);
Json setting_json(const Engine& engine, std::int64_t batch);

// The trace event format that Perfetto and chrome://tracing open.
Json chrome_trace(const Engine& engine, const StepProfile& profile);

}  // namespace kissa::tools
