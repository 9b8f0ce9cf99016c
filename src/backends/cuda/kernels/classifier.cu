#include "backends/cuda/kernels/launch.cuh"
#include "backends/cuda/kernels/nhwc.h"
#include "backends/cuda/kernels/number.cuh"

namespace kissa::cuda {
namespace {

// A warp an output.
template <class T>
__global__ void __launch_bounds__(kThreads)
    classifier_kernel(const __grid_constant__ Classifier op) {
  let_next_start();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int output =
      static_cast<int>(blockIdx.x) * (kThreads / 32) + static_cast<int>(threadIdx.x) / 32;
  const bool has_work = output < op.outputs;
  const uint4* weight = static_cast<const uint4*>(op.weight) + std::int64_t{output} * op.chunks;
  constexpr int kHeld = 2 * sizeof(T);  // chunks of weights that a lane fetches early
  uint4 held[kHeld];
#pragma unroll
  for (int i = 0; i < kHeld; ++i)
    held[i] = has_work && lane + i * 32 < op.chunks ? load_weights(weight + lane + i * 32)
                                                    : make_uint4(0, 0, 0, 0);
  wait_for_previous();
  if (!has_work) return;
  for (int n = 0; n < op.images; ++n) {
    const auto* src = reinterpret_cast<const uint4*>(static_cast<const T*>(op.src) +
                                                     std::int64_t{n} * op.src_stride);
    float sum = 0.0f;
    const auto add = [&](const uint4& w, int chunk) {
      float a[kOfWord<T>];
      float b[kOfWord<T>];
      unpack<T>(w, a);
      unpack<T>(__ldcg(src + chunk), b);
#pragma unroll
      for (int i = 0; i < kOfWord<T>; ++i) sum += a[i] * b[i];
    };
#pragma unroll
    for (int i = 0; i < kHeld; ++i)
      if (lane + i * 32 < op.chunks) add(held[i], lane + i * 32);
    for (int chunk = lane + kHeld * 32; chunk < op.chunks; chunk += 32)
      add(load_weights(weight + chunk), chunk);
    for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(~0u, sum, lanes);
    if (lane == 0)
      op.dst[std::int64_t{n} * op.outputs + output] =
          fminf(fmaxf(sum + op.bias[output], op.low), op.high);
  }
}

// For several images, on tensor cores: a block has 16 outputs of 8 kTiles images, and its warps
// share the sum. A lane's 16 bytes of a row are the k of two products; which of them they are
// called is the same for both operands.
constexpr int kProductOutputs = 16;
constexpr int kProductWarps = kThreads / 32;
template <class T, int kTiles>
__global__ void __launch_bounds__(kThreads)
    classifier_product_kernel(const __grid_constant__ Classifier op) {
  constexpr int kProductImages = kTiles * 8;
  constexpr int kEarly = 4;  // steps whose weights a warp fetches before the wait
  __shared__ float parts[kProductWarps][kProductOutputs][kProductImages + 1];
  let_next_start();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int first_output = static_cast<int>(blockIdx.x) * kProductOutputs;
  const int first_image = static_cast<int>(blockIdx.y) * kProductImages;
  const uint4 none = make_uint4(0, 0, 0, 0);
  struct Weights {
    uint4 top, bottom;
  };
  const auto weight_at = [&](int output, int chunk) {
    if (output >= op.outputs || chunk >= op.chunks) return none;
    return load_weights(static_cast<const uint4*>(op.weight) + std::int64_t{output} * op.chunks +
                        chunk);
  };
  const auto weights_of = [&](int step) {
    const int chunk = step * 4 + lane % 4;
    return Weights{weight_at(first_output + lane / 4, chunk),
                   weight_at(first_output + lane / 4 + 8, chunk)};
  };
  const auto pixel_at = [&](int image, int chunk) {
    if (image >= op.images || chunk >= op.chunks) return none;
    return __ldcg(reinterpret_cast<const uint4*>(static_cast<const T*>(op.src) +
                                                 std::int64_t{image} * op.src_stride) +
                  chunk);
  };
  float sums[kTiles][4] = {};
  const auto multiply = [&](int step, const Weights& weights) {
    const auto& [top, bottom] = weights;
    uint4 pixels[kTiles];
#pragma unroll
    for (int j = 0; j < kTiles; ++j)
      pixels[j] = pixel_at(first_image + j * 8 + lane / 4, step * 4 + lane % 4);
#pragma unroll
    for (int j = 0; j < kTiles; ++j)
      multiply_add_pair<T>(sums[j], make_uint4(top.x, bottom.x, top.y, bottom.y),
                           make_uint4(top.z, bottom.z, top.w, bottom.w), pixels[j]);
  };
  Weights early[kEarly];
#pragma unroll
  for (int i = 0; i < kEarly; ++i) early[i] = weights_of(warp + i * kProductWarps);
  wait_for_previous();
#pragma unroll
  for (int i = 0; i < kEarly; ++i) multiply(warp + i * kProductWarps, early[i]);
#pragma unroll 4
  for (int step = warp + kEarly * kProductWarps; step * 4 < op.chunks; step += kProductWarps)
    multiply(step, weights_of(step));
#pragma unroll
  for (int j = 0; j < kTiles; ++j) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      parts[warp][lane / 4 + i / 2 * 8][j * 8 + lane % 4 * 2 + i % 2] = sums[j][i];
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kProductOutputs * kProductImages; i += kThreads) {
    const int output = first_output + i % kProductOutputs;
    const int image = first_image + i / kProductOutputs;
    if (output >= op.outputs || image >= op.images) continue;
    float sum = op.bias[output];
    for (const auto& part : parts) sum += part[i % kProductOutputs][i / kProductOutputs];
    op.dst[std::int64_t{image} * op.outputs + output] = fminf(fmaxf(sum, op.low), op.high);
  }
}

template <class T, int kTiles>
void launch_product(const Classifier& op, cudaStream_t stream) {
  const auto blocks = [](int of, int size) {
    return static_cast<unsigned>((of + size - 1) / size);
  };
  launch_early(classifier_product_kernel<T, kTiles>, op,
               dim3(blocks(op.outputs, kProductOutputs), blocks(op.images, kTiles * 8)), kThreads,
               0, stream);
}

// A block a row.
__global__ void __launch_bounds__(kThreads)
    softmax_rows_kernel(const __grid_constant__ SoftmaxRows op) {
  constexpr int kHeld = 4;  // elements that a thread keeps; more are read again
  __shared__ float parts[kThreads / 32];
  let_next_start();
  wait_for_previous();
  const float* src = op.src + std::int64_t{blockIdx.x} * op.extent;
  float* dst = op.dst + std::int64_t{blockIdx.x} * op.extent;
  const int tid = static_cast<int>(threadIdx.x);
  float held[kHeld];
  float largest = -INFINITY;
#pragma unroll
  for (int k = 0; k < kHeld; ++k) {
    held[k] = tid + k * kThreads < op.extent ? __ldcg(src + tid + k * kThreads) : -INFINITY;
    largest = fmaxf(largest, held[k]);
  }
  for (int i = tid + kHeld * kThreads; i < op.extent; i += kThreads)
    largest = fmaxf(largest, __ldcg(src + i));
  for (int lanes = 16; lanes > 0; lanes /= 2)
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, lanes));
  if (tid % 32 == 0) parts[tid / 32] = largest;
  __syncthreads();
  for (const float part : parts) largest = fmaxf(largest, part);
  float sum = 0.0f;
#pragma unroll
  for (int k = 0; k < kHeld; ++k) sum += held[k] = expf(held[k] - largest);
  for (int i = tid + kHeld * kThreads; i < op.extent; i += kThreads)
    sum += expf(__ldcg(src + i) - largest);
  sum = block_sum(sum);
#pragma unroll
  for (int k = 0; k < kHeld; ++k)
    if (tid + k * kThreads < op.extent) dst[tid + k * kThreads] = held[k] / sum;
  for (int i = tid + kHeld * kThreads; i < op.extent; i += kThreads)
    dst[i] = expf(__ldcg(src + i) - largest) / sum;
}

}  // namespace

void launch_classifier(const Classifier& op, cudaStream_t stream) {
  if (op.images == 0) return;
  constexpr int kOutputs = kThreads / 32;
  with_element(op.number, [&]<class T>(T) {
    if (op.images > 8)
      launch_product<T, 4>(op, stream);
    else if (op.images > 2)
      launch_product<T, 1>(op, stream);
    else
      launch_early(classifier_kernel<T>, op,
                   dim3(static_cast<unsigned>((op.outputs + kOutputs - 1) / kOutputs)), kThreads, 0,
                   stream);
  });
}

void launch_softmax_rows(const SoftmaxRows& op, cudaStream_t stream) {
  if (op.rows == 0) return;
  launch_early(softmax_rows_kernel, op, dim3(static_cast<unsigned>(op.rows)), kThreads, 0, stream);
}

}  // namespace kissa::cuda
