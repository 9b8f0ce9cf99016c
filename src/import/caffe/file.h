// Random access to a file of any size. Reading, unlike mapping, turns a file that shrinks meanwhile
// into an error instead of a crash, and costs weights no copy more: they go straight to where they
// stay.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace kissa::caffe {

// Not thread-safe. Errors are kInvalidFile and begin with the path.
class File {
 public:
  explicit File(std::string path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const noexcept { return path_; }
  std::uint64_t size() const noexcept { return size_; }

  // Fills `out` from `offset` on.
  void read(std::uint64_t offset, std::span<std::byte> out) const;
  // One byte before the end, from a small buffer: for fields that are walked byte by byte.
  std::uint8_t byte(std::uint64_t offset) const;

 private:
  void read_directly(std::uint64_t offset, std::span<std::byte> out) const;

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  mutable std::array<std::byte, 4096> window_;
  mutable std::uint64_t window_begin_ = 0;
  mutable std::uint64_t window_end_ = 0;
};

}  // namespace kissa::caffe
