// Where a network's time goes: step by step, in the midst of its runs, and by kind of work.
#pragma once

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
  kLaunch,  // the host, starting work on a GPU
  kWait,    // the host and the GPU, waiting for each other
};
std::string_view to_string(Kind kind);
// By the op of the step that weighs most.
Kind kind_of(const StepInfo& step);

struct StepProfile {
  std::vector<double> device_us;  // of each step: medians
  std::vector<double> launch_us;  // the same; empty where StepTimes::launch is
  double whole_us = 0;            // of runs that nothing is asked of: the median
  double sum_to_whole = 0;      // of a profiled run's steps to the plain run before it: the median
  std::vector<StepTimes> runs;  // the last few
  std::size_t count = 0;

  double sum_us() const;
};

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
// Largest first. Of a GPU, what the whole run takes beyond its steps is split into launches and
// waiting.
std::vector<KindTime> times_by_kind(const std::vector<StepInfo>& steps, const StepProfile& profile,
                                    bool on_gpu);

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

// "setting", "steps", "kinds", "whole_us", "sum_us", "peaks" and "memory" of a result.
Json profile_json(const Engine& engine, std::int64_t batch, const StepProfile& profile,
                  const DevicePeaks& peaks);
Json setting_json(const Engine& engine, std::int64_t batch);

// The trace event format that Perfetto and chrome://tracing open.
Json chrome_trace(const Engine& engine, const StepProfile& profile);

}  // namespace kissa::tools
