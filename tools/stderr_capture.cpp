#include "stderr_capture.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace kissa::tools {

StderrCapture::StderrCapture() {
  std::fflush(stderr);
  file_ = memfd_create("stderr", MFD_CLOEXEC);
  if (file_ < 0) return;
  saved_ = dup(STDERR_FILENO);
  if (saved_ < 0 || dup2(file_, STDERR_FILENO) < 0) restore();
}

std::string StderrCapture::finish() {
  if (saved_ < 0) return {};
  std::fflush(stderr);
  std::array<char, 200> text{};
  const ssize_t length = pread(file_, text.data(), text.size(), 0);
  restore();
  std::string line(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  line.resize(std::min(line.find_first_of("\r\n"), line.size()));
  return line;
}

void StderrCapture::restore() {
  if (saved_ >= 0) {
    std::fflush(stderr);
    dup2(saved_, STDERR_FILENO);
    close(saved_);
  }
  if (file_ >= 0) close(file_);
  saved_ = file_ = -1;
}

}  // namespace kissa::tools
