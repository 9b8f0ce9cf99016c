// A convolution as cuDNN describes it, and which way of running it is the fastest.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backends/cudnn/call.h"

namespace kissa::cudnn {

// y = activation(x * w + bias + z). Where x is NHWC, w is K, R, S, C of a group; else K, C, R, S.
struct ConvShape {
  Image x;
  Image y;
  Image z;  // a residual; described only where there is one
  std::int64_t groups = 1;
  Math math = Math::kFma;
  bool has_bias = false;
  bool has_residual = false;
  bool has_relu = false;
};

// Where it all lies on the device; bias and z null where there is none.
struct ConvData {
  const void* x = nullptr;
  const void* w = nullptr;
  const void* bias = nullptr;  // of y's kind
  const void* z = nullptr;
  void* y = nullptr;
  void* workspace = nullptr;
};

class ConvCall {
 public:
  // Window, padding and dilation are those of `op`.
  ConvCall(const Convolution& op, const ConvShape& shape);

  // What an algorithm asks for; nothing where it does not take this convolution, or wants more than
  // 64 MB.
  std::optional<std::size_t> workspace_of(ConvAlgorithm algorithm) const;

  // In one call where is_fused, else bias, residual and activation by kernels of their own.
  Status run(Handle handle, ConvAlgorithm algorithm, bool is_fused, std::size_t workspace_bytes,
             const ConvData& at) const noexcept;

  std::int64_t weight_bytes() const { return weight_bytes_; }

 private:
  ConvShape shape_;
  std::int64_t weight_bytes_;
  OwnTensor x_;
  OwnTensor y_;
  OwnTensor z_;
  OwnTensor bias_;
  OwnFilter filter_;
  OwnConv conv_;
  OwnActivation activation_;
};

// Device memory to measure in, zeroed; throws kOutOfMemory.
class Scratch {
 public:
  explicit Scratch(std::int64_t bytes);
  ~Scratch() { cudaFree(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

// Microseconds of what is enqueued, the least of a few runs after one that warms up, on the current
// device; as a graph where `is_recorded`. Nothing where it fails.
using Enqueue = std::function<Status(cudaStream_t)>;
std::optional<double> measure(const Enqueue& enqueue, bool is_recorded);

// A later way must be faster by this share, so that the same one is chosen again and again.
inline constexpr double kClearlyLess = 0.9;

// One of `count` ways: the one that the arena keeps from an earlier choice, if it still can be had,
// or else what `choose` gives, which the arena then keeps.
std::size_t settle(WeightArena& weights, std::size_t count,
                   const std::function<std::size_t()>& choose,
                   const std::function<bool(std::size_t way)>& can);

}  // namespace kissa::cudnn
