#include "load.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

#include "interrupt.h"
#include "progress.h"

namespace kissa::tools {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Sleeps for the most part: a sleeper wakes late.
void wait_until(double ms, Clock::time_point start) {
  constexpr double kSpinMs = 0.2;
  constexpr double kNapMs = 50;
  for (double left = 0; !interrupted() && (left = ms - milliseconds_since(start)) > 0;)
    if (left > kSpinMs)
      std::this_thread::sleep_for(
          std::chrono::duration<double, std::milli>(std::min(left - kSpinMs, kNapMs)));
}

// What one stream after the other is given to do.
class Schedule {
 public:
  explicit Schedule(const LoadOptions& options) : options_(options) {}

  // The number of the next query; false: it was the last.
  bool next(std::size_t& number, Clock::time_point start) {
    number = next_.fetch_add(1);
    if (number > 0 && interrupted()) return false;
    if (number < options_.least_queries) return true;
    if (options_.qps > 0) return arrival_ms(number) < options_.least_ms;
    return milliseconds_since(start) < options_.least_ms;
  }
  double arrival_ms(std::size_t number) const {
    return static_cast<double>(number) / options_.qps * 1e3;
  }
  // How much is done, in [0, 1].
  double done(std::size_t number, Clock::time_point start) const {
    const double by_time = milliseconds_since(start) / std::max(options_.least_ms, 1e-3);
    const double by_count = static_cast<double>(number) /
                            static_cast<double>(std::max<std::size_t>(options_.least_queries, 1));
    return std::min({by_time, by_count, 1.0});
  }

 private:
  const LoadOptions& options_;
  std::atomic<std::size_t> next_ = 0;
};

class Streams {
 public:
  Streams(std::span<Context> contexts, const LoadOptions& options)
      : contexts_(contexts), options_(options), schedule_(options), start_(Clock::now()) {}

  std::vector<Query> run() {
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < contexts_.size(); ++i)
      threads.emplace_back([this, i] { guarded_stream(i); });
    guarded_stream(0);
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
    std::sort(queries_.begin(), queries_.end(),
              [](const Query& a, const Query& b) { return a.start_ms < b.start_ms; });
    return std::move(queries_);
  }

 private:
  void guarded_stream(std::size_t i) {
    try {
      stream(i);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
  }

  void stream(std::size_t i) {
    std::vector<Query> mine;
    mine.reserve(4096);
    Progress progress(100, "%");
    std::size_t number = 0;
    while (schedule_.next(number, start_)) {
      Query query{.stream = static_cast<int>(i)};
      if (options_.qps > 0) {
        query.arrival_ms = schedule_.arrival_ms(number);
        wait_until(query.arrival_ms, start_);
        if (interrupted() && number > 0) break;
      }
      query.start_ms = milliseconds_since(start_);
      query.times = contexts_[i].run_measured(options_.copies);
      query.end_ms = milliseconds_since(start_);
      if (options_.qps <= 0) query.arrival_ms = query.start_ms;
      mine.push_back(query);
      if (i == 0) progress.reach(static_cast<std::size_t>(100 * schedule_.done(number, start_)));
    }
    const std::lock_guard lock(mutex_);
    queries_.insert(queries_.end(), mine.begin(), mine.end());
  }

  std::span<Context> contexts_;
  const LoadOptions& options_;
  Schedule schedule_;
  Clock::time_point start_;
  std::mutex mutex_;
  std::vector<Query> queries_;
  std::exception_ptr failure_;
};

}  // namespace

LoadTrace run_load(std::span<Context> contexts, const LoadOptions& options) {
  const InterruptGuard guard;
  LoadTrace trace;
  trace.open_loop = options.qps > 0;
  // Each context once with its copies, so that what is on the device is what was given.
  for (Context& context : contexts) context.run();
  const LoadOptions warmup{
      .least_queries = contexts.size(), .least_ms = options.warmup_ms, .copies = options.copies};
  const auto start = Clock::now();
  trace.warmup_queries = Streams(contexts, warmup).run().size() + contexts.size();
  trace.warmup_ms = milliseconds_since(start);
  trace.queries = Streams(contexts, options).run();
  for (const Query& query : trace.queries) trace.wall_ms = std::max(trace.wall_ms, query.end_ms);
  return trace;
}

}  // namespace kissa::tools
