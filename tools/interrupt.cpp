#include "interrupt.h"

#include <csignal>

namespace kissa::tools {
namespace {

volatile std::sig_atomic_t interrupt_came = 0;

extern "C" void remember_interrupt(int) {
  interrupt_came = 1;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

InterruptGuard::InterruptGuard() { std::signal(SIGINT, remember_interrupt); }
InterruptGuard::~InterruptGuard() { std::signal(SIGINT, SIG_DFL); }

bool interrupted() noexcept { return interrupt_came != 0; }

}  // namespace kissa::tools
