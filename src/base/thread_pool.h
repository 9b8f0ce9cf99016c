// ThreadPool: runs many short parallel regions with little delay between them.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace kissa {

// The caller works too. Threads claim tasks one at a time, so that one slow thread (another process
// on its core) holds up its own task only. Idle threads spin for a moment, then sleep.
class ThreadPool {
 public:
  static constexpr int kMaxTasks = (1 << 24) - 1;

  explicit ThreadPool(int threads);  // >= 1; starts threads - 1
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(task, worker) for every task in [0, tasks), tasks <= kMaxTasks, and returns when all
  // are done. worker is in [0, threads()) and names the scratch memory that a task may use. One
  // caller at a time; no allocation, no lock.
  template <class Body>
  void run(int tasks, Body&& body) noexcept {
    using Plain = std::remove_reference_t<Body>;
    run_job(tasks, {[](void* context, int task, int worker) {
                      (*static_cast<Plain*>(context))(task, worker);
                    },
                    const_cast<void*>(static_cast<const void*>(&body))});
  }

 private:
  struct Job {
    void (*call)(void* context, int task, int worker) = nullptr;
    void* context = nullptr;
  };

  void run_job(int tasks, Job job) noexcept;
  bool run_one_task(int worker) noexcept;
  void work(int worker) noexcept;

  // Generation (16 bits), number of tasks (24) and next unclaimed task (24) of the present job. All
  // in one word, so that a thread that comes late cannot claim a task of one job and run another's.
  alignas(64) std::atomic<std::uint64_t> ticket_ = 0;
  alignas(64) std::atomic<int> unfinished_ = 0;
  alignas(64) std::atomic<int> sleepers_ = 0;
  std::atomic<bool> stopping_ = false;
  Job job_;
  std::vector<std::thread> workers_;
};

}  // namespace kissa
