#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace kissa {
namespace {

// Up to here, reads go through the window: weights may come number by number.
constexpr std::size_t kSmall = 64;

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

File::File(std::string path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0)
    fail(ErrorCode::kInvalidFile, "{}: cannot be opened: {}", path_, reason(errno));
  struct stat status = {};
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    fail(ErrorCode::kInvalidFile, "{}: is not a regular file", path_);
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

File::~File() { ::close(descriptor_); }

void File::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (out.size() <= kSmall && offset + out.size() <= size_) {
    for (std::byte& b : out) b = std::byte{byte(offset++)};
    return;
  }
  read_directly(offset, out);
}

void File::read_directly(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(ErrorCode::kInvalidFile, "{}: cannot be read: {}", path_, reason(errno));
    if (got == 0) fail(ErrorCode::kInvalidFile, "{}: ends at byte {}, too early", path_, offset);
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::uint8_t File::byte(std::uint64_t offset) const {
  if (offset < window_begin_ || offset >= window_end_) {
    const std::uint64_t length = std::min<std::uint64_t>(window_.size(), size_ - offset);
    window_end_ = 0;
    read_directly(offset, std::span(window_).first(length));
    window_begin_ = offset;
    window_end_ = offset + length;
  }
  return std::to_integer<std::uint8_t>(window_[offset - window_begin_]);
}

std::shared_ptr<const std::byte> File::map() const {
  if (size_ == 0) fail(ErrorCode::kInvalidFile, "{}: is empty", path_);
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor_, 0);
  if (data == MAP_FAILED)
    fail(ErrorCode::kInvalidFile, "{}: cannot be mapped: {}", path_, reason(errno));
  return {static_cast<const std::byte*>(data), [size = size_](const std::byte* mapped) {
            ::munmap(const_cast<std::byte*>(mapped), size);
          }};
}

PendingFile::PendingFile(const std::string& path)
    : path_(path), temporary_(fmt::format("{}.{}.tmp", path, getpid())) {
  struct stat status = {};
  if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    fail(ErrorCode::kInvalidFile, "{}: is not a regular file", path_);
  file_ = std::fopen(temporary_.c_str(), "wb");
  if (file_ == nullptr) fail_io();
}

PendingFile::~PendingFile() {
  if (file_ != nullptr) std::fclose(file_);
  if (!kept_) std::remove(temporary_.c_str());
}

void PendingFile::write(const void* src, std::size_t bytes) {
  if (bytes > 0 && std::fwrite(src, 1, bytes, file_) != bytes) fail_io();
}

void PendingFile::keep() {
  const int status = std::fclose(file_);
  file_ = nullptr;
  if (status != 0) fail_io();
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail_io();
  kept_ = true;
}

void PendingFile::fail_io() const {
  fail(ErrorCode::kInvalidFile, "{}: cannot be written: {}", path_, reason(errno));
}

}  // namespace kissa
