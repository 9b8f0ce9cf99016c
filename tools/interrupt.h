// Ctrl-C during a long measurement: the work ends early and keeps what it has.
#pragma once

namespace kissa::tools {

// While one lives, the first interrupt is only remembered; a second ends the program at once.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

// Whether an interrupt came since the program started.
bool interrupted() noexcept;

}  // namespace kissa::tools
