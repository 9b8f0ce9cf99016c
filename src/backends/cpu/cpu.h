// The CPU backend.
#pragma once

#include <memory>

#include "backends/tactic.h"
#include "kissa/types.h"

namespace kissa::cpu {

// Runs in the caller's thread, so that a step is done when run() returns.
class CpuStream final : public Stream {
 public:
  explicit CpuStream(int threads) : threads_(threads) {}
  void synchronize() override {}
  int threads() const noexcept { return threads_; }

 private:
  int threads_;
};

std::unique_ptr<Device> create_device(int threads);
TacticList tactics(Mode mode, Precision precision);

}  // namespace kissa::cpu
