#include <cmath>

#include "backends/cuda/kernels/elementwise.h"
#include "backends/cuda/kernels/rows.h"
#include "backends/cuda/plain.h"

namespace kissa::cuda {
namespace {

constexpr float kNatural = -1.0f;  // the base that stands for e

float log_of_base(float base) { return base == kNatural ? 1.0f : std::log(base); }

Program unary(const Unary& op, const NodeView& node) {
  return {.launch = [op, count = node.out(0).elements()](const Operands& at, cudaStream_t stream) {
    run_unary(op, at.x(0), at.y(0), count, stream);
  }};
}

// The small tensor lies over the axes of the first input from `axis` on.
Channels channels_of(const NodeView& node, int axis) {
  const Shape& in = node.in(0);
  const Shape& small = node.in(1);
  const int begin = small.rank() == 0 ? 0 : in.canonical_axis(axis);
  return {in.elements(), small.elements(), in.product(begin + small.rank(), in.rank())};
}

Program batch_statistics(const BatchNorm& op, const NodeView& node) {
  const Shape& in = node.in(0);
  const std::int64_t channels = in.rank() == 1 ? 1 : in[1];
  const std::int64_t plane = in.rank() == 1 ? 1 : in.product(2, in.rank());
  const Normalization shape = {.rows = channels,
                               .extent = plane,
                               .parts = in[0],
                               .stride = channels * plane,
                               .has_variance = true,
                               .eps_inside = true,
                               .eps = static_cast<double>(op.eps)};
  return {.launch = [shape](const Operands& at, cudaStream_t stream) {
    run_normalize_rows(shape, at.x(0), at.y(0), stream);
  }};
}

BinaryKind kind_of(EltwiseMethod method) {
  switch (method) {
    case EltwiseMethod::kProduct: return BinaryKind::kProduct;
    case EltwiseMethod::kMax: return BinaryKind::kMax;
    case EltwiseMethod::kSum: break;
  }
  return BinaryKind::kSum;
}

}  // namespace

Program plain(const AbsVal&, const NodeView& node) {
  return unary({.kind = UnaryKind::kAbs}, node);
}

Program plain(const Bnll&, const NodeView& node) { return unary({.kind = UnaryKind::kBnll}, node); }

Program plain(const Clip& op, const NodeView& node) {
  return unary({.kind = UnaryKind::kClip, .a = op.min, .b = op.max}, node);
}

Program plain(const Elu& op, const NodeView& node) {
  return unary({.kind = UnaryKind::kElu, .a = op.alpha}, node);
}

Program plain(const Exp& op, const NodeView& node) {
  return unary({.kind = UnaryKind::kExp, .a = op.scale, .b = op.shift, .c = log_of_base(op.base)},
               node);
}

Program plain(const Log& op, const NodeView& node) {
  return unary({.kind = UnaryKind::kLog, .a = op.scale, .b = op.shift, .c = log_of_base(op.base)},
               node);
}

Program plain(const Power& op, const NodeView& node) {
  return unary({.kind = UnaryKind::kPower, .a = op.scale, .b = op.shift, .c = op.power}, node);
}

Program plain(const Relu& op, const NodeView& node) {
  return unary({.kind = UnaryKind::kRelu, .a = op.negative_slope}, node);
}

Program plain(const Sigmoid&, const NodeView& node) {
  return unary({.kind = UnaryKind::kSigmoid}, node);
}

Program plain(const Swish& op, const NodeView& node) {
  return unary({.kind = UnaryKind::kSwish, .a = op.beta}, node);
}

Program plain(const TanH&, const NodeView& node) { return unary({.kind = UnaryKind::kTanH}, node); }

Program plain(const Threshold& op, const NodeView& node) {
  return unary({.kind = UnaryKind::kThreshold, .a = op.threshold}, node);
}

Program plain(const Eltwise& op, const NodeView& node) {
  std::vector<float> coeffs(node.inputs(), 1.0f);
  if (op.method == EltwiseMethod::kSum && !op.coeffs.empty()) coeffs = op.coeffs;
  return {.launch = [coeffs, kind = kind_of(op.method), count = node.out(0).elements()](
                        const Operands& at, cudaStream_t stream) {
    for (std::size_t i = 0; i < coeffs.size(); ++i)
      run_accumulate(kind, i == 0, coeffs[i], at.x(i), at.y(0), count, stream);
  }};
}

Program plain(const Scale& op, const NodeView& node) {
  return {.launch = [channels = channels_of(node, op.axis), has_bias = op.has_bias](
                        const Operands& at, cudaStream_t stream) {
    run_affine(channels, at.x(0), at.x(1), has_bias ? at.x(2) : nullptr, at.y(0), stream);
  }};
}

Program plain(const Bias& op, const NodeView& node) {
  return {
      .launch = [channels = channels_of(node, op.axis)](const Operands& at, cudaStream_t stream) {
        run_affine(channels, at.x(0), nullptr, at.x(1), at.y(0), stream);
      }};
}

Program plain(const PRelu& op, const NodeView& node) {
  const Shape& in = node.in(0);
  const Channels channels = {in.elements(), op.channel_shared ? 1 : in[1],
                             in.product(2, in.rank())};
  return {.launch = [channels](const Operands& at, cudaStream_t stream) {
    run_prelu(channels, at.x(0), at.x(1), at.y(0), stream);
  }};
}

Program plain(const BatchNorm& op, const NodeView& node) {
  if (!op.use_global_stats) return batch_statistics(op, node);
  const Shape& in = node.in(0);
  const std::int64_t channels = node.in(1).elements();
  const auto scaled = [&](std::size_t param, std::int64_t c) {
    const float sum = node.param(2)[0];
    return node.param(param)[c] * (sum == 0.0f ? 0.0 : 1.0 / sum);
  };
  const float* mean =
      node.keep(channels, [&](std::int64_t c) { return static_cast<float>(scaled(0, c)); });
  const float* deviation = node.keep(channels, [&](std::int64_t c) {
    return static_cast<float>(std::sqrt(scaled(1, c) + static_cast<double>(op.eps)));
  });
  const Channels at_channels = {in.elements(), channels,
                                in.rank() == 1 ? in[0] : in.product(2, in.rank())};
  return {.launch = [at_channels, mean, deviation](const Operands& at, cudaStream_t stream) {
    run_normalize(at_channels, at.x(0), mean, deviation, at.y(0), stream);
  }};
}

}  // namespace kissa::cuda
