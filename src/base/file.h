// Files: random access for reading, and writing as a whole or not at all. All errors are
// kInvalidFile and begin with the path.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

namespace kissa {

// Random access to a file of any size. Reading, unlike mapping, turns a file that shrinks meanwhile
// into an error instead of a crash, and costs weights no copy more: they go straight to where they
// stay.
class File {
 public:
  explicit File(std::string path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const noexcept { return path_; }
  std::uint64_t size() const noexcept { return size_; }

  // Fills `out` from `offset` on. One thread at a time.
  void read(std::uint64_t offset, std::span<std::byte> out) const;
  // One byte before the end, from a small buffer: for fields that are walked byte by byte. One
  // thread at a time.
  std::uint8_t byte(std::uint64_t offset) const;
  // As read(), from any thread.
  void read_directly(std::uint64_t offset, std::span<std::byte> out) const;

  // The file as it lies on the disk, read when it is touched. Only for what is replaced as a whole
  // (PendingFile) and never shrinks: touching what is gone ends the program.
  std::shared_ptr<const std::byte> map() const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  mutable std::array<std::byte, 4096> window_;
  mutable std::uint64_t window_begin_ = 0;
  mutable std::uint64_t window_end_ = 0;
};

// A file under a temporary name beside its own, removed unless it is kept.
class PendingFile {
 public:
  explicit PendingFile(const std::string& path);
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  void write(const void* src, std::size_t bytes);
  // Gives it its name, in place of what bore it before.
  void keep();

 private:
  [[noreturn]] void fail_io() const;

  std::string path_;
  std::string temporary_;
  std::FILE* file_ = nullptr;
  bool kept_ = false;
};

}  // namespace kissa
