#include "bench_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kissa::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Queries of `compute` milliseconds each, one after the other.
LoadTrace trace_of(const std::vector<double>& compute, double enqueue = 0, double copies = 0) {
  LoadTrace trace;
  for (const double ms : compute) {
    const double begin = trace.wall_ms;
    trace.wall_ms += ms + 2 * copies;
    trace.queries.push_back({.arrival_ms = begin,
                             .start_ms = begin,
                             .end_ms = trace.wall_ms,
                             .times = {.enqueue = enqueue * 1e3,
                                       .h2d = copies * 1e3,
                                       .compute = ms * 1e3,
                                       .d2h = copies * 1e3,
                                       .wall = (ms + 2 * copies) * 1e3}});
  }
  return trace;
}

std::vector<std::string> warnings_for(const LoadTrace& trace, const TraceSetting& setting) {
  return warnings_of(trace, summarize(trace, {}), setting);
}

TEST(BenchReport, LatencyIsCopiesAndComputingInAClosedLoop) {
  const TraceSummary summary = summarize(trace_of({2, 4}, 0, 1), {});
  EXPECT_DOUBLE_EQ(summary.latency.min, 4);
  EXPECT_DOUBLE_EQ(summary.latency.max, 6);
  EXPECT_DOUBLE_EQ(summary.compute.mean, 3);
  EXPECT_DOUBLE_EQ(summary.queue.max, 0);
}

TEST(BenchReport, WaitingCountsAsLatencyInAnOpenLoop) {
  LoadTrace trace = trace_of({2, 2});
  trace.open_loop = true;
  trace.queries[1].arrival_ms = 1;
  const TraceSummary summary = summarize(trace, {});
  EXPECT_DOUBLE_EQ(summary.latency.max, 3);
  EXPECT_DOUBLE_EQ(summary.queue.max, 1);
}

TEST(BenchReport, WarnsOfNothingWhereAllIsWell) {
  EXPECT_THAT(warnings_for(trace_of({2, 2, 2}, 0.1, 0.1), {.on_gpu = true}), IsEmpty());
}

TEST(BenchReport, WarnsWhereTheHostOrCopiesBoundTheRun) {
  EXPECT_THAT(warnings_for(trace_of({2, 2}, 1.7), {.on_gpu = true}),
              ElementsAre(HasSubstr("enqueue time")));
  EXPECT_THAT(warnings_for(trace_of({2, 2}, 0, 2), {.on_gpu = true}),
              ElementsAre(HasSubstr("copies to"), HasSubstr("copies from")));
}

TEST(BenchReport, WarnsWhereTimesVaryByMoreThanTwoAndAHalfPercent) {
  EXPECT_THAT(warnings_for(trace_of({1.02, 0.98}), {}), IsEmpty());
  EXPECT_THAT(warnings_for(trace_of({1.03, 0.97}), {}),
              ElementsAre(HasSubstr("unstable, with a coefficient of variation of 3 %"),
                          HasSubstr("quiet machine")));
}

TEST(BenchReport, WarnsWhereARateIsNotReached) {
  EXPECT_THAT(warnings_for(trace_of({10, 10}), {.qps = 120}), ElementsAre(HasSubstr("120")));
  EXPECT_THAT(warnings_for(trace_of({10, 10}), {.qps = 101}), IsEmpty());
}

TEST(BenchReport, ExportsTimesInTrtexecsWords) {
  const Json document = times_document(trace_of({2}, 0.5, 1));
  ASSERT_EQ(document.size(), 1U);
  EXPECT_DOUBLE_EQ(document[0]["startComputeMs"].get<double>(), 1);
  EXPECT_DOUBLE_EQ(document[0]["endEnqMs"].get<double>(), 0.5);
  EXPECT_DOUBLE_EQ(document[0]["latencyMs"].get<double>(), 4);
}

TEST(BenchReport, SharesOfStepsAddUp) {
  std::vector<StepInfo> steps(2);
  steps[0].layers = {"conv", "relu"};
  steps[1].layers = {"pool"};
  StepTimes run;
  run.device = {3000, 1000};
  run.computing = 4000;
  const Json document = layer_profile_document(steps, {run, run});
  EXPECT_EQ(document[0]["count"], 2);
  EXPECT_EQ(document[1]["name"], "conv + relu");
  EXPECT_DOUBLE_EQ(document[1]["timeMs"].get<double>(), 6);
  EXPECT_DOUBLE_EQ(document[1]["percentage"].get<double>(), 75);
}

}  // namespace
}  // namespace kissa::tools
