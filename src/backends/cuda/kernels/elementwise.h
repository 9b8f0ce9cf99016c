// One element at a time, FP32: y may be the memory of x.
#pragma once

#include <driver_types.h>

#include <cstdint>

namespace kissa::cuda {

// Whether this program has machine code for the present device.
bool has_machine_code() noexcept;

enum class UnaryKind {
  kCopy,
  kAbs,
  kBnll,
  kClip,       // to [a, b]
  kElu,        // alpha a
  kExp,        // e ^ (c * (b + a x))
  kLog,        // log(b + a x) / c
  kPower,      // (b + a x) ^ c
  kRelu,       // negative slope a
  kClipUnder,  // min(max(x, a), b)
  kSigmoid,
  kSwish,  // beta a
  kTanH,
  kThreshold,  // a
};
struct Unary {
  UnaryKind kind = UnaryKind::kCopy;
  float a = 0.0f;
  float b = 0.0f;
  float c = 0.0f;
};
void run_unary(const Unary& op, const float* x, float* y, std::int64_t count, cudaStream_t stream);

enum class BinaryKind { kSum, kProduct, kMax };
// y = a x, then y = op(y, a x) where not `is_first`.
void run_accumulate(BinaryKind kind, bool is_first, float a, const float* x, float* y,
                    std::int64_t count, cudaStream_t stream);

// Element i belongs to channel i / inner % channels.
struct Channels {
  std::int64_t count;
  std::int64_t channels;
  std::int64_t inner;
};
// y = x scale + bias; either may be null.
void run_affine(const Channels& channels, const float* x, const float* scale, const float* bias,
                float* y, cudaStream_t stream);
// y = (x - mean) / deviation
void run_normalize(const Channels& channels, const float* x, const float* mean,
                   const float* deviation, float* y, cudaStream_t stream);
// y = max(x, 0) + slope min(x, 0)
void run_prelu(const Channels& channels, const float* x, const float* slope, float* y,
               cudaStream_t stream);

}  // namespace kissa::cuda
