// What every backend offers: memory, and a stream of work on it. Asynchronous unless named sync.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kissa/devices.h"

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

// Work that a stream remembers, to enqueue as a whole.
class Recording {
 public:
  virtual ~Recording() = default;
  // On the stream that it was recorded on.
  virtual void replay() = 0;
};

// A moment in a stream's work.
class Event {
 public:
  virtual ~Event() = default;
};

// Of a stream whose work is done when the call that asks for it returns.
class HostEvent final : public Event {
 public:
  std::chrono::steady_clock::time_point time;
};

// Work in order. One thread at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  // Waits for all work so far. Throws kDevice where the device failed.
  virtual void synchronize() = 0;
  // Between memory of the device, host buffers, or one of each.
  virtual void copy(void* dst, const void* src, std::int64_t bytes) {
    std::memcpy(dst, src, static_cast<std::size_t>(bytes));
  }
  // Remembers what `work` enqueues; `work` may run before, on whatever its memory holds. Nothing
  // where the device has no use for that. Throws kDevice.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& work) {
    static_cast<void>(work);
    return nullptr;
  }

  // Throws kDevice.
  virtual std::unique_ptr<Event> create_event() { return std::make_unique<HostEvent>(); }
  // Lets `event` be the moment when all work so far is done. May be recorded.
  virtual void mark(Event& event) {
    static_cast<HostEvent&>(event).time = std::chrono::steady_clock::now();
  }
  // Microseconds between two moments that synchronize() has waited for.
  virtual double microseconds_between(const Event& first, const Event& last) const {
    return std::chrono::duration<double, std::micro>(static_cast<const HostEvent&>(last).time -
                                                     static_cast<const HostEvent&>(first).time)
        .count();
  }
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;  // "cpu"
  // What measured times depend on: the model, and what of it is used. A plan file of a device that
  // is not the host is for devices of the same description alone.
  virtual std::string description() const { return name(); }
  virtual std::int64_t available_memory() const = 0;
  // Of a stream's pool, where steps run on the host.
  virtual int threads() const { return 1; }
  // The instruction set that weights are packed for; empty where there is but one.
  virtual std::string isa() const { return {}; }
  // Whether the host reads and writes the device's memory in place.
  virtual bool is_host() const { return true; }
  // Zeroed. Throws kOutOfMemory.
  virtual std::unique_ptr<Buffer> allocate(std::int64_t bytes) = 0;
  // Host memory that the device copies from and to at full speed. Zeroed. Throws kOutOfMemory.
  virtual std::unique_ptr<Buffer> allocate_host(std::int64_t bytes) { return allocate(bytes); }
  virtual std::unique_ptr<Stream> create_stream() = 0;
  // As DeviceInfo and measure_peaks() tell them.
  virtual int units() const { return threads(); }
  virtual std::vector<std::pair<std::string, std::string>> facts() const { return {}; }
  virtual DevicePeaks measure_peaks() { return {}; }
};

}  // namespace kissa
