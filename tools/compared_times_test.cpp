#include "compared_times.h"

#include <gtest/gtest.h>

#include "kissa/error.h"

namespace kissa::tools {
namespace {

Json row(const char* mode, int batch, int threads, double us) {
  return {{"engine", "kissa"}, {"mode", mode},       {"precision", "fp32"}, {"device", "cpu"},
          {"batch", batch},    {"threads", threads}, {"median_us", us}};
}

Json profile(const char* mode, double conv, double pool) {
  return {{"setting", {{"mode", mode}, {"precision", "fp32"}, {"batch", 1}, {"device", "cpu"}}},
          {"whole_us", conv + pool},
          {"kinds", {{{"kind", "conv"}, {"us", conv}}, {{"kind", mode}, {"us", pool}}}},
          {"steps",
           {{{"name", "small"}, {"layers", {"small"}}, {"us", 1}},
            {{"name", "c"}, {"layers", {"c"}}, {"us", conv}},
            {{"name", mode}, {"layers", {mode}}, {"us", pool}}}}};
}

TEST(ComparedTimes, RowsOfTheSameWayStandSideBySide) {
  const Json a = {
      {"rows", {row("caffe", 1, 2, 900), row("fused", 1, 1, 400), row("fused", 1, 2, 200)}}};
  const Json b = {{"rows", {row("fused", 1, 2, 100), row("fused", 16, 2, 900)}}};
  const Json rows = compare_times(a, b)["rows"];
  ASSERT_EQ(rows.size(), 2U);  // one thread of A has but two of B beside it
  EXPECT_EQ(rows[1]["a_us"], 200);
  EXPECT_EQ(rows[1]["b_us"], 100);
  EXPECT_EQ(rows[1]["faster"], 2);
  EXPECT_EQ(rows[0]["a"], "fused mode, fp32, batch 1, on cpu by 1 thread");
  EXPECT_EQ(rows[0]["b"], "fused mode, fp32, batch 1, on cpu by 2 threads");
}

TEST(ComparedTimes, OneRowEachIsComparedWhateverItIsOf) {
  const Json rows = compare_times({{"rows", {row("caffe", 1, 2, 900)}}},
                                  {{"rows", {row("fused", 1, 2, 300)}}})["rows"];
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["faster"], 3);
}

TEST(ComparedTimes, ProfilesByKindAndByStepsOfTheSameLayers) {
  const Json profiles =
      compare_times(profile("caffe", 60, 40), profile("fused", 30, 5))["profiles"];
  ASSERT_EQ(profiles.size(), 1U);
  const Json& kinds = profiles[0]["kinds"];
  ASSERT_EQ(kinds.size(), 3U);  // what but one has stands there with nothing
  EXPECT_EQ(kinds[0]["faster"], 2);
  EXPECT_EQ(kinds[1]["b_us"], 0);
  EXPECT_TRUE(kinds[1]["faster"].is_null());
  EXPECT_EQ(kinds[2]["a_us"], 0);
  const Json& steps = profiles[0]["steps"];
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0]["name"], "c");
}

TEST(ComparedTimes, RefusesWhatCannotBeCompared) {
  const Json two = {{"rows", {row("caffe", 1, 2, 9), row("caffe", 4, 2, 9)}}};
  EXPECT_THROW(compare_times(two, {{"rows", {row("fused", 1, 2, 9)}}}), Error);
  EXPECT_THROW(compare_times(two, {{"rows", {{{"mode", "caffe"}}, {{"mode", "caffe"}}}}}), Error);
  EXPECT_FALSE(holds_times({{"what", "outputs"}}));
  EXPECT_TRUE(holds_times(two));
}

}  // namespace
}  // namespace kissa::tools
