#include "latency.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kissa/error.h"

namespace kissa::tools {
namespace {

TEST(Latency, SumsUpTimesInAnyOrder) {
  const Latency latency = summarize({4, 1, 3, 8}, std::vector<double>{90});
  EXPECT_DOUBLE_EQ(latency.min, 1);
  EXPECT_DOUBLE_EQ(latency.max, 8);
  EXPECT_DOUBLE_EQ(latency.mean, 4);
  EXPECT_DOUBLE_EQ(latency.median, 3.5);
  EXPECT_DOUBLE_EQ(latency.variation, std::sqrt(26.0 / 4) / 4);
  ASSERT_EQ(latency.percentiles.size(), 1U);
  EXPECT_DOUBLE_EQ(latency.percentiles[0].value, 8);
}

TEST(Latency, OfOneTimeIsThatTime) {
  const Latency latency = summarize({7}, std::vector<double>{99});
  EXPECT_DOUBLE_EQ(latency.median, 7);
  EXPECT_DOUBLE_EQ(latency.percentiles[0].value, 7);
  EXPECT_DOUBLE_EQ(latency.variation, 0);
}

TEST(Latency, PercentileLeavesOutTheLargestTimes) {
  std::vector<double> times(200);
  std::iota(times.begin(), times.end(), 1.0);
  EXPECT_DOUBLE_EQ(percentile(times, 99), 198);
  EXPECT_DOUBLE_EQ(percentile(times, 90), 180);
  EXPECT_DOUBLE_EQ(percentile(times, 100), 200);
  EXPECT_DOUBLE_EQ(percentile(times, 0), 1);
}

TEST(Latency, PrintsAsTrtexecDoes) {
  EXPECT_EQ(to_text(summarize({1, 2}, std::vector<double>{90, 99.9})),
            "min = 1 ms, max = 2 ms, mean = 1.5 ms, median = 1.5 ms, percentile(90%) = 2 ms, "
            "percentile(99.9%) = 2 ms");
}

TEST(Latency, ReadsPercents) {
  EXPECT_EQ(parse_percents("90,99.9,0"), (std::vector<double>{90, 99.9, 0}));
  for (const char* text : {"90,", ",", "x", "-1", "100.1", "9 0", "nan"})
    EXPECT_THROW(parse_percents(text), Error) << text;
}

}  // namespace
}  // namespace kissa::tools
