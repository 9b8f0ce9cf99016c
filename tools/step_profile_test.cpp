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

TEST(StepProfile, WhatAGpuRunTakesBeyondItsStepsIsLaunchAndWait) {
  StepProfile profile;
  profile.device_us = {30, 10};
  profile.launch_us = {5, 6};
  profile.whole_us = 100;
  const std::vector<StepInfo> steps = {step_of({"convolution"}), step_of({"pooling"})};
  const std::vector<KindTime> gpu = times_by_kind(steps, profile, true);
  ASSERT_EQ(gpu.size(), 4U);
  EXPECT_EQ(gpu[0].kind, Kind::kWait);
  EXPECT_DOUBLE_EQ(gpu[0].us, 49);
  EXPECT_EQ(gpu[1].kind, Kind::kConvolution);
  EXPECT_DOUBLE_EQ(gpu[2].us, 11);
  EXPECT_EQ(times_by_kind(steps, profile, false).size(), 2U);
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
