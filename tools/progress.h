// A progress bar on standard error. Where that is not a terminal, it draws nothing.
#pragma once

#include <chrono>
#include <cstddef>

namespace kissa::tools {

// What wipes the line of a terminal, for text that may meet a bar; empty where standard error is
// none.
const char* line_wipe();

class Progress {
 public:
  // `unit`: "images"; of 100 steps of "%" no number is shown.
  explicit Progress(std::size_t total, const char* unit = "images");
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::size_t count);
  // As advance(), to `done` of all; draws a few times a second at most.
  void reach(std::size_t done);
  // Wipes the bar, so that other text can be printed; the next advance() draws it again.
  void clear();

 private:
  void draw();

  bool on_terminal_;
  bool drawn_ = false;
  std::size_t total_;
  const char* unit_;
  std::size_t done_ = 0;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_draw_ = start_;
};

}  // namespace kissa::tools
