// Collects what foreign code (image decoders) prints on standard error, which belongs to Kissa's
// own one-line messages.
#pragma once

#include <string>

namespace kissa::tools {

class StderrCapture {
 public:
  StderrCapture();
  ~StderrCapture() { restore(); }
  StderrCapture(const StderrCapture&) = delete;
  StderrCapture& operator=(const StderrCapture&) = delete;

  // Ends the capture; returns the first line of what came, at most 200 characters.
  std::string finish();

 private:
  void restore();

  int saved_ = -1;  // a copy of the real standard error; -1: nothing is captured
  int file_ = -1;
};

}  // namespace kissa::tools
