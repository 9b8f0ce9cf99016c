#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "kissa/log.h"

namespace kissa::fuzz {

InputFile::InputFile(const std::uint8_t* data, std::size_t size)
    : descriptor_(::memfd_create("input", MFD_CLOEXEC)),
      path_(fmt::format("/proc/self/fd/{}", descriptor_)) {
  if (descriptor_ < 0 || ::write(descriptor_, data, size) != static_cast<ssize_t>(size)) {
    fmt::print(stderr, "no file in memory: {}\n", std::strerror(errno));
    std::exit(2);
  }
}

InputFile::~InputFile() { ::close(descriptor_); }

void expect_no_surprise(void (*body)(const std::uint8_t* data, std::size_t size),
                        const std::uint8_t* data, std::size_t size) {
  set_log_sink([](LogLevel, std::string_view) {});
  try {
    body(data, size);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInternal) return;
    fmt::print(stderr, "{}\n", error.what());
    std::abort();
  }
}

}  // namespace kissa::fuzz
