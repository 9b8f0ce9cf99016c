// The CPU backend.
#pragma once

#include <memory>

#include "backends/tactic.h"
#include "base/thread_pool.h"
#include "kissa/types.h"

namespace kissa::cpu {

// A pool of threads that the caller's thread leads: a step is done when its run() returns.
class CpuStream final : public Stream {
 public:
  explicit CpuStream(int threads) : pool_(threads) {}
  void synchronize() override {}
  ThreadPool& pool() noexcept { return pool_; }

 private:
  ThreadPool pool_;
};

inline ThreadPool& pool_of(Stream& stream) { return static_cast<CpuStream&>(stream).pool(); }

std::unique_ptr<Device> create_device(int threads);
DevicePeaks measure_peaks(int threads);
TacticList tactics(Mode mode, Precision precision);

}  // namespace kissa::cpu
