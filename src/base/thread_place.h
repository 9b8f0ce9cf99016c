// Where a thread of this process runs, as another thread sees and changes it.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <ctime>

namespace kissa {

// Some of the machine's processors.
class Processors {
 public:
  static Processors only(int processor) noexcept;
  // Those that the calling thread may use; none where the system does not tell.
  static Processors of_this_thread() noexcept;

  int count() const noexcept { return CPU_COUNT(&set_); }
  bool contains(int processor) const noexcept;
  Processors without(int processor) const noexcept;
  friend bool operator==(const Processors& a, const Processors& b) {
    return CPU_EQUAL(&a.set_, &b.set_) != 0;
  }

 private:
  friend class ThreadPlace;
  Processors() noexcept { CPU_ZERO(&set_); }
  cpu_set_t set_;
};

// The processor that the calling thread is on; negative where the system does not tell.
int this_processor() noexcept;

// A handle to one thread, which may be set while others use it. Until it is, and after the thread
// has ended, nothing is known of it and nothing is changed.
class ThreadPlace {
 public:
  void set_this_thread() noexcept;

  // Whether it has not been on a processor for a moment since the last call with this `seen`,
  // which starts at -1.
  bool stands_still(std::int64_t& seen) const noexcept;
  Processors processors() const noexcept;
  // Moves it at once, if it is elsewhere.
  void restrict_to(const Processors& processors) const noexcept;

 private:
  std::atomic<int> id_ = 0;  // the kernel's
  std::atomic<clockid_t> clock_ = 0;
};

}  // namespace kissa
