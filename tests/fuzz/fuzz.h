// What the fuzzers share. Each file here defines LLVMFuzzerTestOneInput; libFuzzer calls it with
// bytes that it makes up, replay.cpp with those of files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace kissa::fuzz {

// A file that holds these bytes, in memory.
class InputFile {
 public:
  InputFile(const std::uint8_t* data, std::size_t size);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  int descriptor_;
  std::string path_;
};

// Runs `body`, whose only way to fail is an Error that is no internal one.
void expect_no_surprise(void (*body)(const std::uint8_t* data, std::size_t size),
                        const std::uint8_t* data, std::size_t size);

}  // namespace kissa::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
