// Libraries of NVIDIA's that are looked for when the program runs: cuDNN, cuBLAS.
#pragma once

#include <driver_types.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kissa::cuda {

struct VendorLibrary {
  void* handle = nullptr;  // null where there is none
  bool is_named = false;   // by the environment variable
  std::string name;        // what was opened
  std::string text;        // where it was not: why
};

// Where the environment variable says ("off": nowhere), or the first of `names` that the system's
// loader finds.
VendorLibrary open_vendor(const char* variable, std::span<const char* const> names);

void* find_symbol(void* library, const char* name);
void close_vendor(void* library);

// Sets function pointers by their names.
class Symbols {
 public:
  explicit Symbols(void* library) : library_(library) {}

  template <class Function>
  void take(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(find_symbol(library_, name));
    if (function == nullptr && missing_.empty()) missing_ = name;
  }
  // The first that there is not, or nothing.
  const std::string& missing() const { return missing_; }

 private:
  void* library_;
  std::string missing_;
};

// How a library makes its handle, and what becomes of it; false or null where that failed.
template <class Handle>
struct HandleCalls {
  Handle (*create)(int device);
  void (*destroy)(Handle);
  bool (*set_stream)(Handle, cudaStream_t);
};

// Makes a device the calling thread's for a while.
class OnDevice {
 public:
  explicit OnDevice(int device);
  ~OnDevice();
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0;
};

int present_device() noexcept;

// The calling thread's handle for its current device, on the stream; made when it is first asked
// for. Null where there is none. One kind of handle, one set of calls.
template <class Handle>
Handle vendor_handle(const HandleCalls<Handle>& calls, cudaStream_t stream) noexcept {
  class Own {
   public:
    Own(int device, const HandleCalls<Handle>& calls)
        : calls_(calls), device_(device), handle_(calls.create(device)) {}
    ~Own() {
      if (handle_ == nullptr) return;
      const OnDevice on(device_);
      calls_.destroy(handle_);
    }
    Own(const Own&) = delete;
    Own& operator=(const Own&) = delete;

    int device() const { return device_; }
    Handle on(cudaStream_t stream) {
      if (handle_ == nullptr || (is_set_ && stream == stream_)) return handle_;
      is_set_ = calls_.set_stream(handle_, stream);
      stream_ = stream;
      return is_set_ ? handle_ : nullptr;
    }

   private:
    HandleCalls<Handle> calls_;
    int device_;
    Handle handle_;
    cudaStream_t stream_ = nullptr;
    bool is_set_ = false;
  };
  thread_local std::vector<std::unique_ptr<Own>> handles;
  const int device = present_device();
  for (const auto& handle : handles)
    if (handle->device() == device) return handle->on(stream);
  return handles.emplace_back(std::make_unique<Own>(device, calls))->on(stream);
}

}  // namespace kissa::cuda
