#include "backends/cudnn/conv_call.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/log.h"

namespace kissa::cudnn {
namespace {

// Of memory that an algorithm may ask for.
constexpr std::size_t kMaxWorkspace = std::size_t{64} << 20;
constexpr int kRuns = 5;

int as_int(std::int64_t value) { return static_cast<int>(value); }

}  // namespace

ConvCall::ConvCall(const Convolution& op, const ConvShape& shape) : shape_(shape) {
  const Api& api = library().api;
  const auto at = [](const std::vector<std::int64_t>& extents, std::size_t i) {
    return as_int(extents[i]);
  };
  describe(x_, shape.x);
  describe(y_, shape.y);
  if (shape.has_residual) describe(z_, shape.z);
  // A bias is one pixel of y.
  Image pixel = {.kind = shape.y.kind, .n = 1, .c = shape.y.c, .h = 1, .w = 1};
  if (shape.y.pixel_stride > 0) pixel.pixel_stride = shape.y.c;
  describe(bias_, pixel);
  const std::int64_t channels = shape.x.c / shape.groups;
  weight_bytes_ = shape.y.c * channels * op.kernel[0] * op.kernel[1] *
                  (shape.x.kind == DataKind::kHalf ? 2 : 4);
  check(api.set_filter(filter_.get(), shape.x.kind,
                       shape.x.pixel_stride > 0 ? TensorFormat::kNhwc : TensorFormat::kNchw,
                       as_int(shape.y.c), as_int(channels), at(op.kernel, 0), at(op.kernel, 1)),
        "describing weights");
  check(api.set_conv(conv_.get(), at(op.pad, 0), at(op.pad, 1), at(op.stride, 0), at(op.stride, 1),
                     at(op.dilation, 0), at(op.dilation, 1), ConvMode::kCrossCorrelation,
                     DataKind::kFloat),
        "describing a convolution");
  check(api.set_conv_groups(conv_.get(), as_int(shape.groups)), "setting groups");
  check(api.set_conv_math(conv_.get(), shape.math), "choosing a convolution's arithmetic");
  check(api.set_activation(activation_.get(),
                           shape.has_relu ? ActivationMode::kRelu : ActivationMode::kIdentity,
                           NanPropagation::kYes, 0.0),
        "describing an activation");
}

std::optional<std::size_t> ConvCall::workspace_of(ConvAlgorithm algorithm) const {
  std::size_t bytes = 0;
  const Status status = library().api.conv_workspace(any_handle(), x_.get(), filter_.get(),
                                                     conv_.get(), y_.get(), algorithm, &bytes);
  if (status != Status::kSuccess || bytes > kMaxWorkspace) return std::nullopt;
  return bytes;
}

Status ConvCall::run(Handle handle, ConvAlgorithm algorithm, bool is_fused,
                     std::size_t workspace_bytes, const ConvData& at) const noexcept {
  const Api& api = library().api;
  if (is_fused) {
    const bool has_z = shape_.has_residual;  // else y stands for it, times 0
    return api.fused_conv(handle, &kOne, x_.get(), at.x, filter_.get(), at.w, conv_.get(),
                          algorithm, at.workspace, workspace_bytes, has_z ? &kOne : &kZero,
                          has_z ? z_.get() : y_.get(), has_z ? at.z : at.y, bias_.get(), at.bias,
                          activation_.get(), y_.get(), at.y);
  }
  Status status = api.conv(handle, &kOne, x_.get(), at.x, filter_.get(), at.w, conv_.get(),
                           algorithm, at.workspace, workspace_bytes, &kZero, y_.get(), at.y);
  if (status == Status::kSuccess && shape_.has_bias)
    status = api.add_tensor(handle, &kOne, bias_.get(), at.bias, &kOne, y_.get(), at.y);
  if (status == Status::kSuccess && shape_.has_residual)
    status = api.add_tensor(handle, &kOne, z_.get(), at.z, &kOne, y_.get(), at.y);
  if (status == Status::kSuccess && shape_.has_relu)
    status =
        api.activation(handle, activation_.get(), &kOne, y_.get(), at.y, &kZero, y_.get(), at.y);
  return status;
}

Scratch::Scratch(std::int64_t bytes) {
  const auto size = static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1));
  cuda::check(cudaMalloc(&data_, size), "allocating memory to measure in");
  cudaMemset(data_, 0, size);
}

std::optional<double> measure(const Enqueue& enqueue, bool is_recorded) {
  int device = 0;
  cudaGetDevice(&device);
  std::optional<double> least;
  try {
    cuda::CudaStream stream(device);
    bool is_well = true;
    const auto once = [&] { is_well = enqueue(stream.use()) == Status::kSuccess && is_well; };
    once();
    stream.synchronize();
    std::unique_ptr<Recording> recording;
    if (is_well && is_recorded) recording = stream.record(once);
    const auto first = stream.create_event();
    const auto last = stream.create_event();
    for (int run = 0; run < kRuns && is_well; ++run) {
      stream.mark(*first);
      if (recording != nullptr)
        recording->replay();
      else
        once();
      stream.mark(*last);
      stream.synchronize();
      const double time = stream.microseconds_between(*first, *last);
      least = std::min(least.value_or(time), time);
    }
    if (!is_well) least.reset();
  } catch (const Error& error) {
    log(LogLevel::kInfo, "cuDNN, measuring: {}", error.what());
    least.reset();
  }
  handle_on(nullptr);  // the stream is gone
  return least;
}

std::size_t settle(WeightArena& weights, std::size_t count,
                   const std::function<std::size_t()>& choose,
                   const std::function<bool(std::size_t way)>& can) {
  std::optional<std::size_t> chosen;
  const void* kept = weights.add(sizeof(std::int32_t), [&](void* packed) {
    chosen = choose();
    const auto number = static_cast<std::int32_t>(*chosen);
    std::memcpy(packed, &number, sizeof number);
  });
  if (chosen) return *chosen;
  std::int32_t number = -1;
  cuda::check(cudaMemcpy(&number, kept, sizeof number, cudaMemcpyDeviceToHost),
              "reading an earlier choice");
  const auto way = static_cast<std::size_t>(number);
  return way < count && can(way) ? way : choose();
}

}  // namespace kissa::cudnn
