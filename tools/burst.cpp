#include "burst.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "interrupt.h"
#include "subject.h"

namespace kissa::tools {

Latency time_bursts(Context& context) {
  constexpr std::size_t kLeast = 3, kMost = 40;
  constexpr double kMostMs = 2000;
  const InterruptGuard guard;
  context.time_on_device(kBurstQueries);
  std::vector<double> times_ms;
  const auto start = std::chrono::steady_clock::now();
  while (times_ms.empty() || (!interrupted() && times_ms.size() < kMost &&
                              (times_ms.size() < kLeast || elapsed_ms(start) < kMostMs))) {
    times_ms.push_back(context.time_on_device(kBurstQueries) * 1e-3);
    std::this_thread::sleep_for(
        std::chrono::duration<double, std::milli>(times_ms.back() * kBurstQueries));
  }
  return summarize(std::move(times_ms));
}

double time_sustained(Context& context, double seconds) {
  constexpr double kChunkMs = 50;
  const InterruptGuard guard;
  const auto start = std::chrono::steady_clock::now();
  int chunk = kBurstQueries;
  double sum_us = 0;
  double queries = 0;
  do {
    const double us = context.time_on_device(chunk);
    sum_us += us * chunk;
    queries += chunk;
    chunk = std::max(1, static_cast<int>(kChunkMs * 1e3 / std::max(us, 1.0)));
  } while (!interrupted() && elapsed_ms(start) < seconds * 1e3);
  return sum_us / queries * 1e-3;
}

}  // namespace kissa::tools
