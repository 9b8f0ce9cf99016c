#include "backends/cuda/kernels/elementwise.h"

#include <cuda_runtime.h>

#include "backends/cuda/kernels/launch.cuh"

namespace kissa::cuda {
namespace {

__device__ float sigmoid(float x) { return 0.5f * tanhf(0.5f * x) + 0.5f; }

__device__ float apply(const Unary& op, float x) {
  switch (op.kind) {
    case UnaryKind::kCopy: return x;
    case UnaryKind::kAbs: return fabsf(x);
    case UnaryKind::kBnll: return max_of(x, 0.0f) + log1pf(expf(-fabsf(x)));
    case UnaryKind::kClip: return max_of(op.a, min_of(x, op.b));
    case UnaryKind::kClipUnder: return min_of(max_of(x, op.a), op.b);
    case UnaryKind::kElu: return max_of(x, 0.0f) + op.a * expm1f(min_of(x, 0.0f));
    case UnaryKind::kExp: return expf(op.c * (op.b + op.a * x));
    case UnaryKind::kLog: return logf(op.b + op.a * x) / op.c;
    case UnaryKind::kPower: {
      const float base = op.a == 0.0f ? op.b : op.b + op.a * x;
      return op.c == 1.0f ? base : powf(base, op.c);
    }
    case UnaryKind::kRelu: return max_of(x, 0.0f) + op.a * min_of(x, 0.0f);
    case UnaryKind::kSigmoid: return sigmoid(x);
    case UnaryKind::kSwish: return x * sigmoid(op.a * x);
    case UnaryKind::kTanH: return tanhf(x);
    case UnaryKind::kThreshold: return x > op.a ? 1.0f : 0.0f;
  }
  return x;
}

__global__ void unary_kernel(Unary op, const float* x, float* y, std::int64_t count) {
  for_each(count, [&](std::int64_t i) { y[i] = apply(op, x[i]); });
}

__global__ void accumulate_kernel(BinaryKind kind, bool is_first, float a, const float* x, float* y,
                                  std::int64_t count) {
  for_each(count, [&](std::int64_t i) {
    const float term = a == 1.0f ? x[i] : a * x[i];
    if (is_first)
      y[i] = term;
    else if (kind == BinaryKind::kSum)
      y[i] += term;
    else if (kind == BinaryKind::kProduct)
      y[i] *= term;
    else
      y[i] = max_of(y[i], term);
  });
}

__device__ std::int64_t channel_of(const Channels& at, std::int64_t i) {
  return i / at.inner % at.channels;
}

__global__ void affine_kernel(Channels at, const float* x, const float* scale, const float* bias,
                              float* y) {
  for_each(at.count, [&](std::int64_t i) {
    const std::int64_t c = channel_of(at, i);
    y[i] = x[i] * (scale != nullptr ? scale[c] : 1.0f) + (bias != nullptr ? bias[c] : 0.0f);
  });
}

__global__ void normalize_kernel(Channels at, const float* x, const float* mean,
                                 const float* deviation, float* y) {
  for_each(at.count, [&](std::int64_t i) {
    const std::int64_t c = channel_of(at, i);
    y[i] = (x[i] - mean[c]) / deviation[c];
  });
}

__global__ void prelu_kernel(Channels at, const float* x, const float* slope, float* y) {
  for_each(at.count, [&](std::int64_t i) {
    y[i] = max_of(x[i], 0.0f) + slope[channel_of(at, i)] * min_of(x[i], 0.0f);
  });
}

}  // namespace

bool has_machine_code() noexcept {
  cudaFuncAttributes attributes;
  const cudaError_t status = cudaFuncGetAttributes(&attributes, unary_kernel);
  cudaGetLastError();
  return status == cudaSuccess;
}

void run_unary(const Unary& op, const float* x, float* y, std::int64_t count, cudaStream_t stream) {
  if (count == 0) return;
  unary_kernel<<<blocks_for(count), kThreads, 0, stream>>>(op, x, y, count);
}

void run_accumulate(BinaryKind kind, bool is_first, float a, const float* x, float* y,
                    std::int64_t count, cudaStream_t stream) {
  if (count == 0) return;
  accumulate_kernel<<<blocks_for(count), kThreads, 0, stream>>>(kind, is_first, a, x, y, count);
}

void run_affine(const Channels& channels, const float* x, const float* scale, const float* bias,
                float* y, cudaStream_t stream) {
  if (channels.count == 0) return;
  affine_kernel<<<blocks_for(channels.count), kThreads, 0, stream>>>(channels, x, scale, bias, y);
}

void run_normalize(const Channels& channels, const float* x, const float* mean,
                   const float* deviation, float* y, cudaStream_t stream) {
  if (channels.count == 0) return;
  normalize_kernel<<<blocks_for(channels.count), kThreads, 0, stream>>>(channels, x, mean,
                                                                        deviation, y);
}

void run_prelu(const Channels& channels, const float* x, const float* slope, float* y,
               cudaStream_t stream) {
  if (channels.count == 0) return;
  prelu_kernel<<<blocks_for(channels.count), kThreads, 0, stream>>>(channels, x, slope, y);
}

}  // namespace kissa::cuda
