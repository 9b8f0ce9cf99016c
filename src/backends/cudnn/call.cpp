#include "backends/cudnn/call.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/log.h"

namespace kissa::cudnn {
namespace {

constexpr std::int64_t kMaxElements = std::numeric_limits<int>::max();

class OwnHandle {
 public:
  explicit OwnHandle(int device) : device_(device) {
    const Status status = library().api.create(&handle_);
    if (status == Status::kSuccess) return;
    handle_ = nullptr;
    log(LogLevel::kWarning, "cuDNN: cannot start on cuda:{}: {}", device,
        library().api.text_of(status));
  }
  ~OwnHandle() {
    if (handle_ == nullptr) return;
    int before = 0;
    cudaGetDevice(&before);
    cudaSetDevice(device_);
    library().api.destroy(handle_);
    cudaSetDevice(before);
  }
  OwnHandle(const OwnHandle&) = delete;
  OwnHandle& operator=(const OwnHandle&) = delete;

  int device() const { return device_; }
  Handle on(cudaStream_t stream) {
    if (handle_ == nullptr) return nullptr;
    if (is_set_ && stream == stream_) return handle_;
    is_set_ = library().api.set_stream(handle_, stream) == Status::kSuccess;
    stream_ = stream;
    return is_set_ ? handle_ : nullptr;
  }

 private:
  int device_;
  Handle handle_ = nullptr;
  cudaStream_t stream_ = nullptr;
  bool is_set_ = false;
};

}  // namespace

void check(Status status, const char* what) {
  if (status != Status::kSuccess)
    fail(ErrorCode::kDevice, "cuDNN, {}: {}; KISSA_CUDNN=off does without it", what,
         library().api.text_of(status));
}

void describe(const OwnTensor& tensor, std::int64_t n, std::int64_t c, std::int64_t h,
              std::int64_t w) {
  check(library().api.set_tensor(tensor.get(), TensorFormat::kNchw, DataKind::kFloat,
                                 static_cast<int>(n), static_cast<int>(c), static_cast<int>(h),
                                 static_cast<int>(w)),
        "describing a tensor");
}

void describe(const OwnTensor& tensor, const Shape& shape) {
  describe(tensor, shape[0], shape[1], shape[2], shape[3]);
}

Handle handle_on(cudaStream_t stream) noexcept {
  thread_local std::vector<std::unique_ptr<OwnHandle>> handles;
  int device = 0;
  cudaGetDevice(&device);
  for (const auto& handle : handles)
    if (handle->device() == device) return handle->on(stream);
  return handles.emplace_back(std::make_unique<OwnHandle>(device))->on(stream);
}

void poison(Status status, float* out, std::int64_t count, cudaStream_t stream) noexcept {
  log(LogLevel::kWarning, "cuDNN: {}", library().api.text_of(status));
  cudaMemsetAsync(out, 0xff, static_cast<std::size_t>(count) * sizeof(float), stream);
}

std::optional<std::string> refuse_sizes(const Region& region) {
  for (const Region::Value& value : region.values) {
    const std::int64_t count = value.desc.shape.elements();
    if (count == 0) return "takes no empty tensor";
    if (count > kMaxElements) return "takes tensors of fewer than 2^31 numbers";
  }
  return std::nullopt;
}

}  // namespace kissa::cudnn
