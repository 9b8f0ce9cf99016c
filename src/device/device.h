// What every backend offers: memory, and a stream of work on it. Asynchronous unless named sync.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace kissa {

// Memory of a device, aligned to 64 bytes at least. Owns it.
class Buffer {
 public:
  virtual ~Buffer() = default;
  void* data() const noexcept { return data_; }
  std::int64_t bytes() const noexcept { return bytes_; }

 protected:
  Buffer(void* data, std::int64_t bytes) : data_(data), bytes_(bytes) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

 private:
  void* data_;
  std::int64_t bytes_;
};

// Work in order. One thread at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  // Waits for all work so far. Throws kDevice where the device failed.
  virtual void synchronize() = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;  // "cpu"
  virtual std::int64_t available_memory() const = 0;
  // Zeroed. Throws kOutOfMemory.
  virtual std::unique_ptr<Buffer> allocate(std::int64_t bytes) = 0;
  virtual std::unique_ptr<Stream> create_stream() = 0;
};

}  // namespace kissa
