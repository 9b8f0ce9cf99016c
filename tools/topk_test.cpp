#include "topk.h"

#include <gtest/gtest.h>

#include <limits>

namespace kissa::tools {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

using Indices = std::vector<std::size_t>;

TEST(TopKTest, RanksBestFirst) {
  const std::vector<float> scores = {0.1f, 0.7f, 0.2f};
  EXPECT_EQ(top_k(scores, 2), (Indices{1, 2}));
  EXPECT_EQ(rank_of(scores, 0), 2u);
}

TEST(TopKTest, TiesGoToTheLowerIndex) {
  const std::vector<float> scores = {0.3f, 0.4f, 0.3f, 0.4f};
  EXPECT_EQ(top_k(scores, 4), (Indices{1, 3, 0, 2}));
  EXPECT_EQ(rank_of(scores, 2), 3u);
}

TEST(TopKTest, GivesFewerWhereThereAreFewer) {
  EXPECT_EQ(top_k(std::vector<float>{1.0f}, 5), (Indices{0}));
  EXPECT_TRUE(top_k({}, 5).empty());
}

TEST(TopKTest, NanRanksLast) {
  const std::vector<float> scores = {kNan, -1.0f, kNan, 2.0f};
  EXPECT_EQ(top_k(scores, 4), (Indices{3, 1, 0, 2}));
}

}  // namespace
}  // namespace kissa::tools
