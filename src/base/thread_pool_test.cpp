#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>

namespace kissa {
namespace {

TEST(ThreadPoolTest, RunsEachTaskOnceInEveryJob) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    std::vector<int> calls(300);
    for (int job = 1; job <= 2000; ++job) {
      const int tasks = job % 300;
      pool.run(tasks, [&](int task, int) { ++calls[static_cast<std::size_t>(task)]; });
    }
    for (int task = 0; task < 300; ++task) {
      int expected = 0;
      for (int job = 1; job <= 2000; ++job) expected += task < job % 300;
      EXPECT_EQ(calls[static_cast<std::size_t>(task)], expected);
    }
  }
}

TEST(ThreadPoolTest, GivesNoWorkerTwoTasksAtOnce) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> inside(4);
  std::atomic<bool> clash = false;
  for (int job = 0; job < 500; ++job)
    pool.run(64, [&](int, int worker) {
      if (inside[static_cast<std::size_t>(worker)]++ != 0) clash = true;
      --inside[static_cast<std::size_t>(worker)];
    });
  EXPECT_FALSE(clash);
}

TEST(ThreadPoolTest, WakesSleepingThreads) {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> sum = 0;
    pool.run(100, [&](int task, int) { sum += task; });
    EXPECT_EQ(sum, 4950);
  }
}

}  // namespace
}  // namespace kissa
