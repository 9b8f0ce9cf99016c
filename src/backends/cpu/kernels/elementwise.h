// Ops that look at one element at a time: a function of x, of x and its channel, or of several
// tensors.
#pragma once

#include <cstdint>

#include "backends/cpu/kernels/activation.h"

namespace kissa::cpu {

// y = f(x); a, b, c are parameters.
enum class UnaryKind {
  kAbs,
  kBnll,
  kClip,      // min(max(x, a), b)
  kConstant,  // a
  kElu,       // max(x, 0) + a (exp(min(x, 0)) - 1)
  kExp,       // exp(a x + b)
  kLinear,    // a x + b
  kLog,       // c log(a x + b)
  kPower,     // (a x + b)^c, c not 0
  kRelu,      // max(x, 0) + a min(x, 0)
  kSigmoid,
  kSquare,  // (a x + b)^2
  kSwish,   // x sigmoid(a x)
  kTanh,
  kThreshold,  // 1 where x > a, else 0
};
struct UnaryOp {
  UnaryKind kind;
  float a;
  float b;
  float c;
};

// y = (x - center) scale + shift, or max(x, 0) + scale min(x, 0) where prelu. A null center or
// shift is 0, a null scale 1.
struct ChannelRun {
  const float* src;
  float* dst;
  std::int64_t count;
  bool prelu;
  const float* center;
  const float* scale;
  const float* shift;
};

enum class CombineKind { kProduct, kSum, kMax };

// dst[i] = activation(src[0][i] op src[1][i] op ...), terms of a sum times their coefficients.
struct CombineRun {
  CombineKind kind;
  const float* const* src;
  const float* coefficients;  // null: all 1
  int inputs;
  float* dst;
  std::int64_t count;
  ActivationParams activation;
};

// Where dst is one of the sources, element by element, all is well. In 16 bits, `count` counts
// floats of memory, which are pairs there.
struct ElementwiseKernels {
  void (*unary)(const UnaryOp& op, const float* src, float* dst, std::int64_t count) noexcept;
  // A run of blocks of channels: `count` pixels, and a parameter for each channel of the block.
  void (*channel_block)(const ChannelRun& run) noexcept;
  void (*combine)(const CombineRun& run) noexcept;
};

// Row-major FP32. Parameters: one number for the run; one an element.
struct ChannelRowKernels {
  void (*one)(const ChannelRun& run) noexcept;
  void (*each)(const ChannelRun& run) noexcept;
};

}  // namespace kissa::cpu
