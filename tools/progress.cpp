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

Progress::Progress(std::size_t total, const char* unit)
    : on_terminal_(on_terminal()),
      total_(total),
      unit_(unit),
      start_(std::chrono::steady_clock::now()) {}

void Progress::advance(std::size_t count) {
  done_ = std::min(done_ + count, total_);
  if (on_terminal_) draw();
}

void Progress::reach(std::size_t done) {
  constexpr std::chrono::milliseconds kBetweenDraws{250};
  done_ = std::min(done, total_);
  if (!on_terminal_ || done_ == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_draw_ < kBetweenDraws) return;
  last_draw_ = now;
  draw();
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
  const std::string count =
      *unit_ == '%' ? fmt::format("{} %", done_) : fmt::format("{}/{} {}", done_, total_, unit_);
  fmt::print(stderr, "{}[{:<{}}] {}, {:.0f} s left", kWipeLine, std::string(full, '#'), kCells,
             count, left);
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace kissa::tools
