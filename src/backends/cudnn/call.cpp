#include "backends/cudnn/call.h"

#include <string_view>

#include "backends/cuda/vendor.h"
#include "base/error.h"
#include "base/log.h"

namespace kissa::cudnn {
namespace {

constexpr std::string_view kCannotStart = "cannot start";

constexpr cuda::HandleCalls<Handle> kCalls = {
    .create = [](int device) -> Handle {
      Handle handle = nullptr;
      const Status status = library().api.create(&handle);
      if (status == Status::kSuccess) return handle;
      log(LogLevel::kWarning, "cuDNN: {} on cuda:{}: {}", kCannotStart, device,
          library().api.text_of(status));
      return nullptr;
    },
    .destroy = [](Handle handle) { library().api.destroy(handle); },
    .set_stream =
        [](Handle handle, cudaStream_t stream) {
          return library().api.set_stream(handle, stream) == Status::kSuccess;
        }};

}  // namespace

void check(Status status, const char* what) {
  if (status != Status::kSuccess)
    fail(ErrorCode::kDevice, "cuDNN, {}: {}; KISSA_CUDNN=off does without it", what,
         library().api.text_of(status));
}

void describe(const OwnTensor& tensor, const Image& image) {
  const bool is_nhwc = image.pixel_stride > 0;
  const std::int64_t pixel = is_nhwc ? image.pixel_stride : 1;
  const std::int64_t plane = image.h * image.w;
  const auto as_int = [](std::int64_t value) { return static_cast<int>(value); };
  check(library().api.set_tensor(
            tensor.get(), image.kind, as_int(image.n), as_int(image.c), as_int(image.h),
            as_int(image.w), as_int(plane * (is_nhwc ? pixel : image.c)),
            as_int(is_nhwc ? 1 : plane), as_int(image.w * pixel), as_int(pixel)),
        "describing a tensor");
}

void describe(const OwnTensor& tensor, std::int64_t n, std::int64_t c, std::int64_t h,
              std::int64_t w) {
  describe(tensor, Image{.n = n, .c = c, .h = h, .w = w});
}

void describe(const OwnTensor& tensor, const Shape& shape) {
  describe(tensor, shape[0], shape[1], shape[2], shape[3]);
}

Handle handle_on(cudaStream_t stream) noexcept { return cuda::vendor_handle(kCalls, stream); }

Handle any_handle() {
  const Handle handle = handle_on(nullptr);
  if (handle == nullptr)
    fail(ErrorCode::kDevice, "cuDNN: {}; KISSA_CUDNN=off does without it", kCannotStart);
  return handle;
}

void poison(Status status, float* out, std::int64_t count, cudaStream_t stream) noexcept {
  log(LogLevel::kWarning, "cuDNN: {}", library().api.text_of(status));
  cudaMemsetAsync(out, 0xff, static_cast<std::size_t>(count) * sizeof(float), stream);
}

void poison(Status status, const TensorDesc& nhwc, void* out, cudaStream_t stream) noexcept {
  log(LogLevel::kWarning, "cuDNN: {}", library().api.text_of(status));
  const Shape& s = nhwc.shape;
  const std::int64_t element = size_of(nhwc.format.type);
  cudaMemset2DAsync(out, static_cast<std::size_t>(nhwc.pixel_stride * element), 0xff,
                    static_cast<std::size_t>(s[1] * element),
                    static_cast<std::size_t>(s[0] * s[2] * s[3]), stream);
}

}  // namespace kissa::cudnn
