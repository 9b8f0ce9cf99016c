#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>

namespace kissa {
namespace {

using Clock = std::chrono::steady_clock;

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

// Beside processes that keep every processor busy, threads change places.
TEST(ThreadPoolTest, RunsBesideABusyMachineAndLeavesTheCallersProcessors) {
  const Processors before = Processors::of_this_thread();
  std::atomic<bool> stop = false;
  std::vector<std::thread> spinners;
  for (int i = 0; i < before.count(); ++i)
    spinners.emplace_back([&] {
      while (!stop) {
      }
    });
  for (const int threads : {2, 4}) {
    ThreadPool pool(threads);
    std::vector<int> calls(64);
    const auto end = Clock::now() + std::chrono::milliseconds(200);
    int jobs = 0;
    for (; Clock::now() < end; ++jobs)
      pool.run(64, [&](int task, int) {
        ++calls[static_cast<std::size_t>(task)];
        const auto done = Clock::now() + std::chrono::microseconds(20);
        while (Clock::now() < done) {
        }
      });
    EXPECT_EQ(calls, std::vector<int>(64, jobs));
  }
  stop = true;
  for (std::thread& spinner : spinners) spinner.join();
  EXPECT_EQ(Processors::of_this_thread(), before);
}

}  // namespace
}  // namespace kissa
