// Timing of short runs on a machine that others use too.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace kissa {

// Microseconds, from some point in time: of the calling thread on its processor, which other
// processes disturb less, or by the clock where the work is spread over several threads.
inline double now(int threads) {
  timespec time = {};
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

// Lets no compiler drop what computed the value.
inline void keep(float value) { asm volatile("" : : "m"(value) : "memory"); }

struct Times {
  double hot = 1e30;   // again and again
  double cold = 1e30;  // other memory read before
};

// The least times of several runs. Holds the other memory.
class Stopwatch {
 public:
  explicit Stopwatch(int threads) : threads_(threads) {}

  template <class Run>
  Times measure(const Run& run) const {
    Times times;
    const auto timed = [&](double& least) {
      const double start = now(threads_);
      run();
      least = std::min(least, now(threads_) - start);
    };
    for (int i = 0; i < kHotRuns; ++i) timed(times.hot);
    for (int i = 0; i < kColdRuns; ++i) {
      keep(std::accumulate(junk_.begin(), junk_.end(), 0.0f));
      timed(times.cold);
    }
    return times;
  }

 private:
  static constexpr int kHotRuns = 60;
  static constexpr int kColdRuns = 9;
  static constexpr std::size_t kJunkFloats = std::size_t{16} << 20;  // 64 MB: more than L2

  int threads_;
  std::vector<float> junk_ = std::vector<float>(kJunkFloats, 1.0f);
};

}  // namespace kissa
