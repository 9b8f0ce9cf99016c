#include "progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace kissa::tools {
namespace {

constexpr std::size_t kCells = 30;
constexpr const char* kWipeLine = "\r\033[K";

bool on_terminal() { return isatty(STDERR_FILENO) != 0; }

}  // namespace

const char* line_wipe() { return on_terminal() ? kWipeLine : ""; }

Progress::Progress(std::size_t total)
    : on_terminal_(on_terminal()), total_(total), start_(std::chrono::steady_clock::now()) {}

void Progress::advance(std::size_t count) {
  done_ = std::min(done_ + count, total_);
  if (on_terminal_) draw();
}

void Progress::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "{}", kWipeLine);
  drawn_ = false;
}

void Progress::draw() {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  const double left = elapsed.count() / static_cast<double>(std::max<std::size_t>(done_, 1)) *
                      static_cast<double>(total_ - done_);
  const std::size_t full = total_ == 0 ? kCells : kCells * done_ / total_;
  fmt::print(stderr, "{}[{:<{}}] {}/{} images, {:.0f} s left", kWipeLine, std::string(full, '#'),
             kCells, done_, total_, left);
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace kissa::tools
