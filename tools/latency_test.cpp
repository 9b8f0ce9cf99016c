#include "latency.h"

#include <gtest/gtest.h>

#include <numeric>

namespace kissa::tools {
namespace {

TEST(Latency, SumsUpTimesInAnyOrder) {
  const Latency latency = summarize({4, 1, 3, 8});
  EXPECT_DOUBLE_EQ(latency.min, 1);
  EXPECT_DOUBLE_EQ(latency.max, 8);
  EXPECT_DOUBLE_EQ(latency.mean, 4);
  EXPECT_DOUBLE_EQ(latency.median, 3.5);
  EXPECT_DOUBLE_EQ(latency.p90, 8);
}

TEST(Latency, OfOneTimeIsThatTime) {
  const Latency latency = summarize({7});
  EXPECT_DOUBLE_EQ(latency.median, 7);
  EXPECT_DOUBLE_EQ(latency.p99, 7);
}

TEST(Latency, PercentileLeavesOutTheLargestTimes) {
  std::vector<double> times(200);
  std::iota(times.begin(), times.end(), 1.0);
  EXPECT_DOUBLE_EQ(percentile(times, 99), 198);
  EXPECT_DOUBLE_EQ(percentile(times, 90), 180);
  EXPECT_DOUBLE_EQ(percentile(times, 100), 200);
  EXPECT_DOUBLE_EQ(percentile(times, 0), 1);
}

}  // namespace
}  // namespace kissa::tools
