// ThreadPool: runs many short parallel regions with little delay between them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/thread_place.h"

namespace kissa {

// The caller works too. Threads claim tasks one at a time, so that a slow one holds up its own task
// only. Idle threads spin for a moment, then sleep.
//
// Where another process drives a thread off its processor in the middle of a task, the others would
// wait for its next time slice, milliseconds later. So workers stay off the caller's processor; the
// caller, out of tasks, lets a worker that stands still finish on its own processor; and a worker
// changes places with a caller that stands still. For that moment alone the caller's affinity is
// another.
class ThreadPool {
 public:
  static constexpr int kMaxTasks = (1 << 24) - 1;

  explicit ThreadPool(int threads);  // >= 1; starts threads - 1
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const noexcept { return threads_; }

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

  struct Member;

  void run_job(int tasks, Job job) noexcept;
  bool run_one_task(int worker) noexcept;
  void work(int worker) noexcept;
  void wait_for_others() noexcept;

  Member& member(int worker) const noexcept;
  // Notes which thread calls, and keeps workers off the processor that it is on now.
  void follow_caller() noexcept;
  void keep_off_caller(const Member& worker) const noexcept;
  // All that the caller may use but its own, or all if these are fewer than workers.
  Processors home_of_workers(int callers_processor) const noexcept;
  // Brings workers that stand still in their tasks to the caller's processor; whether there are
  // any.
  bool take_in_guests() noexcept;
  void change_places(const Member& worker) noexcept;

  // Generation (16 bits), number of tasks (24) and next unclaimed task (24) of the present job. All
  // in one word, so that a thread that comes late cannot claim a task of one job and run another's.
  alignas(64) std::atomic<std::uint64_t> ticket_ = 0;
  alignas(64) std::atomic<int> unfinished_ = 0;
  alignas(64) std::atomic<int> sleepers_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> is_caller_asleep_ = false;
  std::atomic<bool> is_moving_ = false;  // one worker at a time changes places
  std::atomic<int> callers_processor_ = -1;
  std::thread::id caller_;
  const Processors processors_ = Processors::of_this_thread();  // the workers' from their start
  const int threads_;
  const std::unique_ptr<Member[]> members_;
  Job job_;
  std::vector<std::thread> workers_;
};

}  // namespace kissa
