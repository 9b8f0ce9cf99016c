#include "base/thread_pool.h"

#include "base/error.h"
#include "base/thread_place.h"

namespace kissa {
namespace {

constexpr int kBits = 24;
constexpr std::uint64_t kMask = (std::uint64_t{1} << kBits) - 1;
// About 100 us: longer than any serial gap inside a network, shorter than a time slice.
constexpr int kSpins = 4096;
// A thread that waits looks so often whether the one that it waits for still runs.
constexpr int kSpinsBetweenLooks = 1024;

int next_of(std::uint64_t ticket) { return static_cast<int>(ticket & kMask); }
int tasks_of(std::uint64_t ticket) { return static_cast<int>((ticket >> kBits) & kMask); }
std::uint64_t generation_of(std::uint64_t ticket) { return ticket >> (2 * kBits); }

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

// Each of the pool's threads; the caller is the first.
struct alignas(64) ThreadPool::Member {
  std::atomic<bool> is_busy = false;   // has a task
  std::atomic<bool> is_guest = false;  // sits on the caller's processor to finish its task
  ThreadPlace place;
  std::int64_t seen = -1;  // the caller's last look at it
};

ThreadPool::ThreadPool(int threads)
    : threads_(threads), members_(std::make_unique<Member[]>(static_cast<std::size_t>(threads))) {
  KISSA_CHECK(threads >= 1);
  for (int worker = 1; worker < threads; ++worker)
    workers_.emplace_back([this, worker] { work(worker); });
}

ThreadPool::~ThreadPool() {
  stopping_ = true;
  ticket_.fetch_add(std::uint64_t{1} << (2 * kBits));  // a change that wakes the sleepers
  ticket_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_job(int tasks, Job job) noexcept {
  if (tasks <= 1 || threads_ == 1) {
    for (int task = 0; task < tasks; ++task) job.call(job.context, task, 0);
    return;
  }
  follow_caller();
  job_ = job;
  unfinished_.store(tasks, std::memory_order_relaxed);
  const std::uint64_t generation = generation_of(ticket_.load(std::memory_order_relaxed)) + 1;
  ticket_.store(generation << (2 * kBits) | static_cast<std::uint64_t>(tasks) << kBits);
  if (sleepers_.load() > 0) ticket_.notify_all();

  while (run_one_task(0)) {
  }
  wait_for_others();
}

bool ThreadPool::run_one_task(int worker) noexcept {
  std::atomic<bool>& is_busy = member(worker).is_busy;
  std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (next_of(ticket) < tasks_of(ticket)) {
    is_busy.store(true, std::memory_order_relaxed);
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel,
                                       std::memory_order_acquire))
      continue;
    job_.call(job_.context, next_of(ticket), worker);
    is_busy.store(false, std::memory_order_relaxed);
    if (unfinished_.fetch_sub(1) == 1 && is_caller_asleep_) unfinished_.notify_one();
    return true;
  }
  is_busy.store(false, std::memory_order_relaxed);
  return false;
}

void ThreadPool::work(int worker) noexcept {
  Member& self = member(worker);
  self.place.set_this_thread();
  keep_off_caller(self);
  int spins = 0;
  std::int64_t caller_seen = -1;
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (self.is_guest.load(std::memory_order_relaxed)) {
      self.is_guest = false;
      self.place.restrict_to(home_of_workers(this_processor()));
    }
    if (run_one_task(worker)) {
      spins = 0;
    } else if (++spins < kSpins) {
      pause();
      if (spins % kSpinsBetweenLooks == 0 && member(0).is_busy &&
          member(0).place.stands_still(caller_seen))
        change_places(self);
    } else {
      const std::uint64_t seen = ticket_.load();
      if (next_of(seen) < tasks_of(seen)) continue;
      ++sleepers_;
      // Wakes for the next job: its ticket differs from `seen`, at least in its generation.
      if (!stopping_) ticket_.wait(seen);
      --sleepers_;
      spins = 0;
    }
  }
}

void ThreadPool::follow_caller() noexcept {
  if (caller_ != std::this_thread::get_id()) {
    caller_ = std::this_thread::get_id();
    member(0).place.set_this_thread();
  }
  const int processor = this_processor();
  if (processor == callers_processor_.load(std::memory_order_relaxed)) return;
  callers_processor_ = processor;
  for (int worker = 1; worker < threads(); ++worker) keep_off_caller(member(worker));
}

Processors ThreadPool::home_of_workers(int callers_processor) const noexcept {
  const Processors home = member(0).place.processors().without(callers_processor);
  return home.count() >= threads_ - 1 ? home : processors_;
}

void ThreadPool::keep_off_caller(const Member& worker) const noexcept {
  const int processor = callers_processor_;
  const Processors home = home_of_workers(processor);
  if (processor >= 0 && !home.contains(processor)) worker.place.restrict_to(home);
}

void ThreadPool::wait_for_others() noexcept {
  for (int spin = 1; unfinished_.load(std::memory_order_acquire) > 0; ++spin) {
    if (spin < kSpins)
      pause();
    else
      std::this_thread::yield();
    if (spin % kSpinsBetweenLooks != 0 || !take_in_guests()) continue;
    is_caller_asleep_ = true;
    for (int left = unfinished_; left > 0; left = unfinished_) unfinished_.wait(left);
    is_caller_asleep_ = false;
  }
}

bool ThreadPool::take_in_guests() noexcept {
  bool has_guests = false;
  for (int worker = 1; worker < threads(); ++worker) {
    Member& other = member(worker);
    if (!other.is_busy || !other.place.stands_still(other.seen)) continue;
    other.place.restrict_to(Processors::only(this_processor()));
    other.is_guest = true;
    has_guests = true;
  }
  return has_guests;
}

void ThreadPool::change_places(const Member& worker) noexcept {
  const ThreadPlace& caller = member(0).place;
  const Processors callers = caller.processors();
  const int processor = this_processor();
  const Processors home = home_of_workers(processor);
  if (!callers.contains(processor) || home.contains(processor) || is_moving_.exchange(true)) return;
  callers_processor_ = processor;
  caller.restrict_to(Processors::only(processor));
  caller.restrict_to(callers);
  is_moving_ = false;
  worker.place.restrict_to(home);  // it may have to wait there
}

ThreadPool::Member& ThreadPool::member(int worker) const noexcept {
  return members_[static_cast<std::size_t>(worker)];
}

}  // namespace kissa
