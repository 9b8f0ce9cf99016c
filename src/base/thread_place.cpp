#include "base/thread_place.h"

#include <pthread.h>
#include <unistd.h>

namespace kissa {

Processors Processors::only(int processor) noexcept {
  Processors result;
  if (processor >= 0 && processor < CPU_SETSIZE)
    CPU_SET(static_cast<std::size_t>(processor), &result.set_);
  return result;
}

Processors Processors::of_this_thread() noexcept {
  Processors result;
  if (sched_getaffinity(0, sizeof result.set_, &result.set_) != 0) CPU_ZERO(&result.set_);
  return result;
}

bool Processors::contains(int processor) const noexcept {
  return processor >= 0 && processor < CPU_SETSIZE &&
         CPU_ISSET(static_cast<std::size_t>(processor), &set_);
}

Processors Processors::without(int processor) const noexcept {
  Processors result = *this;
  if (contains(processor)) CPU_CLR(static_cast<std::size_t>(processor), &result.set_);
  return result;
}

int this_processor() noexcept { return sched_getcpu(); }

void ThreadPlace::set_this_thread() noexcept {
  clockid_t clock = 0;
  if (pthread_getcpuclockid(pthread_self(), &clock) != 0) return;
  clock_ = clock;
  id_ = gettid();
}

bool ThreadPlace::stands_still(std::int64_t& seen) const noexcept {
  timespec time = {};
  if (id_ == 0 || clock_gettime(clock_, &time) != 0) return false;
  const std::int64_t now = time.tv_sec * 1'000'000'000 + time.tv_nsec;
  const bool same = now == seen;
  seen = now;
  return same;
}

Processors ThreadPlace::processors() const noexcept {
  Processors result;
  const int id = id_;
  if (id == 0 || sched_getaffinity(id, sizeof result.set_, &result.set_) != 0)
    CPU_ZERO(&result.set_);
  return result;
}

void ThreadPlace::restrict_to(const Processors& processors) const noexcept {
  const int id = id_;  // 0 would be the calling thread
  if (id != 0 && processors.count() > 0)
    sched_setaffinity(id, sizeof processors.set_, &processors.set_);
}

}  // namespace kissa
