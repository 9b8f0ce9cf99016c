#include "step_profile.h"

#include <gtest/gtest.h>

#include "import/caffe/file_testing.h"

namespace kissa::tools {
namespace {

StepInfo step_of(std::vector<std::string> ops, std::int64_t multiply_adds = 0,
                 std::int64_t bytes = 0) {
  StepInfo step;
  step.ops = std::move(ops);
  step.multiply_adds = multiply_adds;
  step.bytes = bytes;
  return step;
}

TEST(StepProfile, KindIsThatOfTheOpThatWeighsMost) {
  EXPECT_EQ(kind_of(step_of({"convolution", "pooling"})), Kind::kConvolution);
  EXPECT_EQ(kind_of(step_of({"pooling", "lrn"})), Kind::kNormalisation);
  EXPECT_EQ(kind_of(step_of({"pooling"})), Kind::kPooling);
  EXPECT_EQ(kind_of(step_of({"relu"})), Kind::kConvolution);
  EXPECT_EQ(kind_of(step_of({"inner_product", "softmax"})), Kind::kInnerProduct);
  EXPECT_EQ(kind_of(step_of({})), Kind::kCopy);
  EXPECT_EQ(kind_of(step_of({"concat"})), Kind::kCopy);
  EXPECT_EQ(kind_of(step_of({"argmax"})), Kind::kOther);
}

// us of a kind; negative where it is not there.
double us_of(const std::vector<KindTime>& times, Kind kind) {
  for (const KindTime& time : times)
    if (time.kind == kind) return time.us;
  return -1;
}

TEST(StepProfile, WhatAGpuIsIdleIsLaunchAndWait) {
  // The host launches for 5, waits for 40 more, of which the GPU computes 30.
  EXPECT_DOUBLE_EQ(idle_time(30, 5, 40).launch, 5);
  EXPECT_DOUBLE_EQ(idle_time(30, 5, 40).wait, 10);
  // The GPU computed while the host still launched.
  EXPECT_DOUBLE_EQ(idle_time(30, 20, 12).launch, 2);
  EXPECT_DOUBLE_EQ(idle_time(30, 20, 12).wait, 0);
  EXPECT_DOUBLE_EQ(idle_time(30, 5, 10).launch, 0);
  EXPECT_DOUBLE_EQ(idle_time(30, 5, 10).wait, 0);
}

TEST(StepProfile, EachStepThatIsWaitedForHasLaunchAndWait) {
  StepProfile profile;
  profile.device_us = {30, 10};
  profile.launch_us = {5, 6};
  profile.wait_us = {40, 10};
  const std::vector<StepInfo> steps = {step_of({"convolution"}), step_of({"pooling"})};
  const std::vector<KindTime> times = times_by_kind(steps, profile);
  EXPECT_DOUBLE_EQ(us_of(times, Kind::kLaunch), 11);
  EXPECT_DOUBLE_EQ(us_of(times, Kind::kWait), 10);
  EXPECT_DOUBLE_EQ(us_of(times, Kind::kConvolution), 30);
  EXPECT_DOUBLE_EQ(sum_of(times), 61);
}

TEST(StepProfile, ARunThatIsWaitedForOnceHasOneLaunchAndWait) {
  StepProfile profile;
  profile.device_us = {30, 10};
  profile.launch_us = {5};
  profile.wait_us = {47};
  const std::vector<StepInfo> steps = {step_of({"convolution"}), step_of({"pooling"})};
  const std::vector<KindTime> times = times_by_kind(steps, profile);
  EXPECT_DOUBLE_EQ(us_of(times, Kind::kLaunch), 5);
  EXPECT_DOUBLE_EQ(us_of(times, Kind::kWait), 7);
  profile.launch_us = profile.wait_us = {};  // a CPU
  EXPECT_EQ(times_by_kind(steps, profile).size(), 2U);
}

TEST(StepProfile, MarksCostEachStepTheSame) {
  StepTimes run;
  run.device = {10, 20, 2};
  run.computing = 26;
  EXPECT_EQ(without_marks(run), (std::vector<double>{8, 18, 0}));
  run.computing = 40;
  EXPECT_EQ(without_marks(run), run.device);
}

// Its steps are of the engine; its times might be a GPU's.
Engine two_steps() {
  const caffe::TempFile file("net.prototxt", R"(
    input: "data" input_shape { dim: [1, 2, 4, 4] }
    layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
            pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
    layer { name: "prob" type: "Softmax" bottom: "pool" top: "prob" })");
  EngineOptions options;
  options.mode = Mode::kCaffe;
  return Engine::build(Model::load_caffe(file.path()), options);
}

struct Span {
  double begin, end;
};
std::vector<Span> spans_of(const Json& trace, std::string_view kind) {
  std::vector<Span> spans;
  for (const Json& event : trace.at("traceEvents"))
    if (event.at("ph") == "X" && event.at("cat") == kind)
      spans.push_back(
          {event.at("ts"), event.at("ts").get<double>() + event.at("dur").get<double>()});
  return spans;
}

TEST(StepProfile, TraceHasTheHostsCallsAndTheStepsBetweenThem) {
  StepProfile profile;
  StepTimes run;
  run.device = {30, 10};
  run.computing = 40;
  run.launch = {5, 6};
  run.wait = {40, 10};
  run.wall = 61;
  profile.runs = {run, run};
  profile.device_us = run.device;
  profile.launch_us = run.launch;
  profile.wait_us = run.wait;
  const Json trace = chrome_trace(two_steps(), profile);
  const std::vector<Span> launches = spans_of(trace, "kernel launch");
  const std::vector<Span> waits = spans_of(trace, "synchronisation wait");
  const std::vector<Span> pools = spans_of(trace, "pooling");
  ASSERT_EQ(launches.size(), 4U);
  ASSERT_EQ(waits.size(), 4U);
  ASSERT_EQ(pools.size(), 2U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_DOUBLE_EQ(launches[i].end, waits[i].begin);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_GE(pools[i].begin, launches[2 * i].begin);
    EXPECT_LE(pools[i].end, waits[2 * i].end);
  }
  EXPECT_DOUBLE_EQ(launches[2].begin, 61);
}

TEST(StepProfile, TraceOfOneLaunchHasOneWait) {
  StepProfile profile;
  StepTimes run;
  run.device = {30, 10};
  run.computing = 40;
  run.launch = {5};
  run.wait = {47};
  run.wall = 52;
  profile.runs = {run};
  profile.device_us = run.device;
  profile.launch_us = run.launch;
  profile.wait_us = run.wait;
  const Json trace = chrome_trace(two_steps(), profile);
  EXPECT_EQ(spans_of(trace, "kernel launch").size(), 1U);
  ASSERT_EQ(spans_of(trace, "synchronisation wait").size(), 1U);
  EXPECT_LE(spans_of(trace, "softmax").at(0).end, 52);
}

TEST(StepProfile, RooflineIsTheSlowerOfComputingAndMemory) {
  const DevicePeaks peaks{.rates = {{Precision::kFp32, 100, 0}, {Precision::kBf16, 1000, 0}},
                          .bandwidth = 10};
  const StepInfo compute = step_of({"convolution"}, 500'000, 1'000);
  const Roofline roof = roofline_of(compute, 20, peaks, Precision::kFp32);
  EXPECT_DOUBLE_EQ(roof.gflops, 50);
  EXPECT_DOUBLE_EQ(roof.peak_share, 0.5);
  EXPECT_DOUBLE_EQ(roof.least_us, 10);
  EXPECT_FALSE(roof.memory_bound);
  const StepInfo memory = step_of({"pooling"}, 0, 200'000);
  EXPECT_DOUBLE_EQ(roofline_of(memory, 40, peaks, Precision::kFp32).least_us, 20);
  EXPECT_TRUE(roofline_of(memory, 40, peaks, Precision::kFp32).memory_bound);
  EXPECT_DOUBLE_EQ(roofline_of(memory, 40, peaks, Precision::kBf16).bandwidth_share, 0.25);
  EXPECT_DOUBLE_EQ(roofline_of(memory, 40, {}, Precision::kFp32).least_us, 0);
}

}  // namespace
}  // namespace kissa::tools
