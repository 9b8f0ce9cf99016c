#include "planner/memory_plan.h"

#include <gtest/gtest.h>

#include <random>

namespace kissa {
namespace {

TEST(MemoryPlanTest, SharesMemoryOfValuesThatNeverMeet) {
  const std::vector<Lifetime> chain = {{640, 0, 1}, {640, 1, 2}, {640, 2, 3}, {640, 3, 4}};
  const MemoryPlan plan = plan_memory(chain);
  EXPECT_EQ(plan.arena_bytes, 1280);
  EXPECT_EQ(plan.sum_bytes, 4 * 640);
}

TEST(MemoryPlanTest, KeepsApartWhatMeets) {
  const std::vector<Lifetime> all = {{100, 0, 9}, {100, 0, 9}, {100, 0, 9}};
  EXPECT_EQ(plan_memory(all).arena_bytes, 3 * 128);
}

TEST(MemoryPlanTest, FillsTheGapBetweenTwoLivingValues) {
  const std::vector<Lifetime> lives = {{256, 0, 9}, {192, 0, 3}, {128, 0, 9}, {64, 5, 6}};
  EXPECT_EQ(plan_memory(lives).arena_bytes, 256 + 192 + 128);
}

TEST(MemoryPlanTest, IsValidForRandomLives) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> lives(1 + random() % 40);
    for (Lifetime& life : lives) {
      life.bytes = random() % 1000;
      life.first = static_cast<int>(random() % 20);
      life.last = life.first + static_cast<int>(random() % 6);
    }
    EXPECT_TRUE(is_valid(plan_memory(lives), lives));
  }
}

TEST(MemoryPlanTest, FindsAnOverlap) {
  const std::vector<Lifetime> lives = {{100, 0, 1}, {100, 1, 2}};
  MemoryPlan plan = plan_memory(lives);
  plan.offsets = {0, 64};
  EXPECT_FALSE(is_valid(plan, lives));
}

}  // namespace
}  // namespace kissa
