#include "backends/cuda/kernels/nhwc.h"

#include "backends/cuda/kernels/fp16.cuh"
#include "backends/cuda/kernels/launch.cuh"

namespace kissa::cuda {
namespace {

constexpr int kWindowThreads = 128;

// bracket^-beta
__device__ float lrn_scale(float bracket, float beta) {
  if (beta != 0.75f) return powf(bracket, -beta);
  const float root = rsqrtf(bracket);
  return root * sqrtf(root);
}

// The channels [first - 8 kSides, first + 8 + 8 kSides) of a pixel; zeros outside of the tensor.
template <int kSides>
__device__ void load_channels(const __half* pixel, int first, int channels, float* x) {
#pragma unroll
  for (int side = -kSides; side <= kSides; ++side) {
    const int at = first + side * 8;
    float* to = x + (side + kSides) * 8;
    if (at >= 0 && at < channels) {
      to_floats(__ldcg(reinterpret_cast<const uint4*>(pixel + at)), to);
    } else {
#pragma unroll
      for (int i = 0; i < 8; ++i) to[i] = 0.0f;
    }
  }
}

// Of 24 channels the inner 8.
__device__ void apply_lrn(const LrnParameters& lrn, const float* x, float* y) {
  if (lrn.reach == 2) {
    float squares[12];
#pragma unroll
    for (int i = 0; i < 12; ++i) squares[i] = x[i + 6] * x[i + 6];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float sum =
          squares[i] + squares[i + 1] + squares[i + 2] + squares[i + 3] + squares[i + 4];
      y[i] = x[i + 8] * lrn_scale(lrn.k + lrn.alpha * sum, lrn.beta);
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    float sum = 0.0f;
#pragma unroll
    for (int d = -kMaxLrnReach; d <= kMaxLrnReach; ++d)
      if (d >= -lrn.reach && d <= lrn.reach) sum += x[i + 8 + d] * x[i + 8 + d];
    y[i] = x[i + 8] * lrn_scale(lrn.k + lrn.alpha * sum, lrn.beta);
  }
}

// A thread takes 8 channels of a pixel; kSides: how many eights of neighbours LRN needs.
template <int kSides, bool kLrnFirst>
__global__ void __launch_bounds__(kWindowThreads)
    window_kernel(const __grid_constant__ WindowOp op) {
  constexpr int kTaken = kLrnFirst ? 8 : 8 + 16 * kSides;
  let_next_start();
  wait_for_previous();
  const int chunks = (op.channels + 15) / 16 * 2;
  const std::int64_t item = std::int64_t{blockIdx.x} * kWindowThreads + threadIdx.x;
  const int first = static_cast<int>(item % chunks) * 8;
  const std::int64_t pixel = item / chunks;
  const int q = static_cast<int>(pixel % op.out_width);
  const int p = static_cast<int>(pixel / op.out_width % op.out_height);
  const std::int64_t image = pixel / op.out_width / op.out_height;
  if (image >= op.images) return;

  const int top = p * op.stride_h - op.pad_h;
  const int left = q * op.stride_w - op.pad_w;
  const int bottom = min(top + op.kernel_h, op.height + op.pad_h);
  const int right = min(left + op.kernel_w, op.width + op.pad_w);
  const __half* src =
      static_cast<const __half*>(op.src) + image * op.height * op.width * op.src_stride;
  float taken[kTaken];
#pragma unroll
  for (int i = 0; i < kTaken; ++i) taken[i] = op.is_average ? 0.0f : -65504.0f;
  for (int y = max(top, 0); y < min(bottom, op.height); ++y) {
#pragma unroll 3
    for (int x = max(left, 0); x < min(right, op.width); ++x) {
      float values[8 + 16 * kSides];
      load_channels<kSides>(src + std::int64_t{y * op.width + x} * op.src_stride, first,
                            op.channels, values);
      if constexpr (kLrnFirst) {
        float scaled[8];
        apply_lrn(op.lrn, values, scaled);
#pragma unroll
        for (int i = 0; i < 8; ++i) values[i] = scaled[i];
      }
#pragma unroll
      for (int i = 0; i < kTaken; ++i)
        taken[i] = op.is_average ? taken[i] + values[i] : fmaxf(taken[i], values[i]);
    }
  }
  const float divisor = static_cast<float>((bottom - top) * (right - left));
#pragma unroll
  for (int i = 0; i < kTaken; ++i)
    if (op.is_average) taken[i] /= divisor;

  float result[8];
  if constexpr (!kLrnFirst && kSides > 0) {
    // Neighbours that the tensor does not have count as 0.
#pragma unroll
    for (int i = 0; i < kTaken; ++i)
      if (first - 8 * kSides + i < 0 || first - 8 * kSides + i >= op.channels) taken[i] = 0.0f;
    apply_lrn(op.lrn, taken, result);
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) result[i] = taken[i];
  }
#pragma unroll
  for (int i = 0; i < 8; ++i)
    if (first + i >= op.channels) result[i] = 0.0f;
  __half* dst = static_cast<__half*>(op.dst) + pixel * op.dst_stride + first;
  *reinterpret_cast<uint4*>(dst) = to_halves(result);
}

// A warp an output, for up to kImages images.
constexpr int kImages = 16;
__global__ void __launch_bounds__(kThreads)
    classifier_kernel(const __grid_constant__ Classifier op) {
  let_next_start();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int output =
      static_cast<int>(blockIdx.x) * (kThreads / 32) + static_cast<int>(threadIdx.x) / 32;
  const bool has_work = output < op.outputs;
  const uint4* weight = static_cast<const uint4*>(op.weight) + std::int64_t{output} * op.chunks;
  constexpr int kHeld = 4;  // chunks of weights that a lane fetches early
  uint4 held[kHeld];
#pragma unroll
  for (int i = 0; i < kHeld; ++i)
    held[i] = has_work && lane + i * 32 < op.chunks ? load_weights(weight + lane + i * 32)
                                                    : make_uint4(0, 0, 0, 0);
  wait_for_previous();
  if (!has_work) return;
  const int first = static_cast<int>(blockIdx.y) * kImages;
  for (int n = first; n < min(first + kImages, op.images); ++n) {
    const auto* src = reinterpret_cast<const uint4*>(static_cast<const __half*>(op.src) +
                                                     std::int64_t{n} * op.src_stride);
    float sum = 0.0f;
    const auto add = [&](const uint4& w, int chunk) {
      float a[8];
      float b[8];
      to_floats(w, a);
      to_floats(__ldcg(src + chunk), b);
#pragma unroll
      for (int i = 0; i < 8; ++i) sum += a[i] * b[i];
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

__global__ void to_nhwc_kernel(Reorder op) {
  const auto* src = static_cast<const float*>(op.src);
  auto* dst = static_cast<__half*>(op.dst);
  for_each(std::int64_t{op.images} * op.plane * op.padded_channels, [&](std::int64_t i) {
    const std::int64_t c = i % op.padded_channels;
    const std::int64_t pixel = i / op.padded_channels;
    const std::int64_t from = (pixel / op.plane * op.channels + c) * op.plane + pixel % op.plane;
    dst[pixel * op.pixel_stride + c] = __float2half_rn(c < op.channels ? src[from] : 0.0f);
  });
}

__global__ void from_nhwc_kernel(Reorder op) {
  const auto* src = static_cast<const __half*>(op.src);
  auto* dst = static_cast<float*>(op.dst);
  for_each(std::int64_t{op.images} * op.channels * op.plane, [&](std::int64_t i) {
    const std::int64_t c = i / op.plane % op.channels;
    const std::int64_t pixel = i / op.plane / op.channels * op.plane + i % op.plane;
    dst[i] = __half2float(src[pixel * op.pixel_stride + c]);
  });
}

}  // namespace

void launch_window_op(const WindowOp& op, cudaStream_t stream) {
  const std::int64_t items =
      std::int64_t{op.images} * op.out_height * op.out_width * ((op.channels + 15) / 16 * 2);
  if (items == 0) return;
  const auto blocks = static_cast<unsigned>((items + kWindowThreads - 1) / kWindowThreads);
  const auto kernel = op.lrn.reach == 0 ? window_kernel<0, false>
                      : op.lrn_first    ? window_kernel<1, true>
                                        : window_kernel<1, false>;
  launch_early(kernel, op, dim3(blocks), kWindowThreads, 0, stream);
}

void launch_classifier(const Classifier& op, cudaStream_t stream) {
  if (op.images == 0) return;
  constexpr int kOutputs = kThreads / 32;
  const dim3 grid(static_cast<unsigned>((op.outputs + kOutputs - 1) / kOutputs),
                  static_cast<unsigned>((op.images + kImages - 1) / kImages));
  launch_early(classifier_kernel, op, grid, kThreads, 0, stream);
}

void launch_to_nhwc(const Reorder& op, cudaStream_t stream) {
  const std::int64_t count = std::int64_t{op.images} * op.plane * op.padded_channels;
  if (count == 0) return;
  to_nhwc_kernel<<<blocks_for(count), kThreads, 0, stream>>>(op);
}

void launch_from_nhwc(const Reorder& op, cudaStream_t stream) {
  const std::int64_t count = std::int64_t{op.images} * op.plane * op.channels;
  if (count == 0) return;
  from_nhwc_kernel<<<blocks_for(count), kThreads, 0, stream>>>(op);
}

}  // namespace kissa::cuda
