#include "step_profile.h"

#include <gtest/gtest.h>

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
