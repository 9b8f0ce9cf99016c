// Descriptors that clean up after themselves, a handle for each thread, and what calls come to.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "backends/cuda/node_step.h"
#include "backends/cudnn/library.h"

namespace kissa::cudnn {

// Throws kDevice where a call failed; `what`: "describing a convolution".
void check(Status status, const char* what);

template <class T, auto create, auto destroy>
class Descriptor {
 public:
  Descriptor() { check((library().api.*create)(&descriptor_), "creating a descriptor"); }
  ~Descriptor() { (library().api.*destroy)(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  T get() const { return descriptor_; }

 private:
  T descriptor_ = nullptr;
};

using OwnTensor = Descriptor<TensorDescriptor, &Api::create_tensor, &Api::destroy_tensor>;
using OwnFilter = Descriptor<FilterDescriptor, &Api::create_filter, &Api::destroy_filter>;
using OwnConv = Descriptor<ConvDescriptor, &Api::create_conv, &Api::destroy_conv>;
using OwnPool = Descriptor<PoolDescriptor, &Api::create_pool, &Api::destroy_pool>;
using OwnLrn = Descriptor<LrnDescriptor, &Api::create_lrn, &Api::destroy_lrn>;
using OwnActivation =
    Descriptor<ActivationDescriptor, &Api::create_activation, &Api::destroy_activation>;

// A tensor in row-major order, or, with a stride from pixel to pixel, in NHWC.
struct Image {
  DataKind kind = DataKind::kFloat;
  std::int64_t n = 0;
  std::int64_t c = 0;
  std::int64_t h = 0;
  std::int64_t w = 0;
  std::int64_t pixel_stride = 0;  // elements; 0: row-major

  std::int64_t bytes() const {
    return n * h * w * (pixel_stride > 0 ? pixel_stride : c) * (kind == DataKind::kHalf ? 2 : 4);
  }
};
void describe(const OwnTensor& tensor, const Image& image);
// FP32 in row-major order.
void describe(const OwnTensor& tensor, std::int64_t n, std::int64_t c, std::int64_t h,
              std::int64_t w);
void describe(const OwnTensor& tensor, const Shape& shape);  // of 4 axes

// The calling thread's handle for its current device, on the stream; made when it is first asked
// for. Null, and logged, where there is none.
Handle handle_on(cudaStream_t stream) noexcept;
// As handle_on() for no stream in particular; throws kDevice where there is none.
Handle any_handle();

// What runs while a step runs, which may not throw: call(handle) gives a Status. A failure is
// logged, and `out`, of `count` numbers, becomes NaN.
void poison(Status status, float* out, std::int64_t count, cudaStream_t stream) noexcept;
void poison(Status status, const TensorDesc& nhwc, void* out, cudaStream_t stream) noexcept;
template <class Call>
void run(cudaStream_t stream, float* out, std::int64_t count, Call call) noexcept {
  const Handle handle = handle_on(stream);
  const Status status = handle != nullptr ? call(handle) : Status::kNotInitialized;
  if (status != Status::kSuccess) poison(status, out, count, stream);
}

inline constexpr float kOne = 1.0f;
inline constexpr float kZero = 0.0f;

}  // namespace kissa::cudnn
