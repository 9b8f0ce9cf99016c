// CudaStream, and what the calls of CUDA's runtime say.
#pragma once

#include <cuda_runtime_api.h>

#include "device/device.h"

namespace kissa::cuda {

// Throws kDevice, or kOutOfMemory, where a call failed; `what`: "copying to the GPU".
void check(cudaError_t status, const char* what);

class CudaStream final : public Stream {
 public:
  explicit CudaStream(int device);
  ~CudaStream() override;

  void synchronize() override;
  void copy(void* dst, const void* src, std::int64_t bytes) override;
  std::unique_ptr<Recording> record(const std::function<void()>& work) override;

  std::unique_ptr<Event> create_event() override;
  void mark(Event& event) override;
  double microseconds_between(const Event& first, const Event& last) const override;

  // Makes the stream's device the calling thread's.
  cudaStream_t use() const noexcept;

 private:
  int device_;
  cudaStream_t stream_ = nullptr;
};

inline cudaStream_t handle_of(Stream& stream) noexcept {
  return static_cast<CudaStream&>(stream).use();
}

}  // namespace kissa::cuda
