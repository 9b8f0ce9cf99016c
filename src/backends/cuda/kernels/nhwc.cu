#include "backends/cuda/kernels/nhwc.h"

#include <algorithm>

#include "backends/cuda/kernels/launch.cuh"
#include "backends/cuda/kernels/lrn.cuh"
#include "backends/cuda/kernels/lrn_pool.h"
#include "backends/cuda/kernels/max_pool.h"
#include "backends/cuda/kernels/number.cuh"

namespace kissa::cuda {
namespace {

constexpr int kWindowThreads = 128;

enum class WindowKind { kMax, kAverage, kPoolLrn, kLrnPool };

// `kCount` channels from `first` on; zeros outside of the tensor.
template <int kCount, class T>
__device__ void load_channels(const T* pixel, int first, int channels, float* x) {
  constexpr int kEach = kCount % 4 == 0 ? 4 : 2;
  const int padded = (channels + 15) / 16 * 16;
#pragma unroll
  for (int i = 0; i < kCount; i += kEach) {
    if (first + i >= 0 && first + i < padded) {
      load_elements<kEach>(pixel + first + i, x + i);
    } else {
#pragma unroll
      for (int k = 0; k < kEach; ++k) x[i + k] = 0.0f;
    }
  }
}

// The 4 channels from `first` on and kReach neighbours on each side.
template <int kReach, class T>
__device__ void load_neighbourhood(const T* pixel, int first, int channels,
                                   float (&x)[4 + 2 * kReach]) {
  if constexpr (kReach > 0) load_channels<kReach>(pixel, first - kReach, channels, x);
  load_channels<4>(pixel, first, channels, x + kReach);
  if constexpr (kReach > 0) load_channels<kReach>(pixel, first + 4, channels, x + kReach + 4);
}

// A thread takes 4 channels of a pixel. kSide: the window's height and width, known to be inside of
// the image or to hang over its right and lower edge only; 0: any window. The neighbours that LRN
// needs are kReach: 2, or more than lrn.reach.
template <class T, WindowKind kKind, int kSide, int kReach>
__global__ void __launch_bounds__(kWindowThreads)
    window_kernel(const __grid_constant__ WindowOp op) {
  constexpr int kTaken = kKind == WindowKind::kPoolLrn ? 4 + 2 * kReach : 4;
  constexpr int kLoadReach =
      kKind == WindowKind::kMax || kKind == WindowKind::kAverage ? 0 : kReach;
  let_next_start();
  const int chunks = (op.channels + 15) / 16 * 4;
  const std::int64_t item = std::int64_t{blockIdx.x} * kWindowThreads + threadIdx.x;
  const int first = static_cast<int>(item % chunks) * 4;
  const std::int64_t pixel = item / chunks;
  const int q = static_cast<int>(pixel % op.out_width);
  const int p = static_cast<int>(pixel / op.out_width % op.out_height);
  const std::int64_t image = pixel / op.out_width / op.out_height;
  wait_for_previous();
  if (image >= op.images) return;

  const int top = p * op.stride_h - op.pad_h;
  const int left = q * op.stride_w - op.pad_w;
  const int bottom = min(top + op.kernel_h, op.height + op.pad_h);
  const int right = min(left + op.kernel_w, op.width + op.pad_w);
  const T* src = static_cast<const T*>(op.src) + image * op.height * op.width * op.src_stride;
  float taken[kTaken];
#pragma unroll
  for (int i = 0; i < kTaken; ++i) taken[i] = kKind == WindowKind::kAverage ? 0.0f : kLowest<T>;
  const auto take = [&](const float(&x)[4 + 2 * kLoadReach]) {
    if constexpr (kKind == WindowKind::kLrnPool) {
      float scaled[4];
      apply_lrn<kReach, 4>(op.lrn, x, scaled);
#pragma unroll
      for (int i = 0; i < 4; ++i) taken[i] = fmaxf(taken[i], scaled[i]);
    } else {
#pragma unroll
      for (int i = 0; i < kTaken; ++i)
        taken[i] = kKind == WindowKind::kAverage ? taken[i] + x[i] : fmaxf(taken[i], x[i]);
    }
  };
  if constexpr (kSide > 0) {
    // All loads first; what hangs over repeats the last row or column.
    float x[kSide * kSide][4 + 2 * kLoadReach];
#pragma unroll
    for (int i = 0; i < kSide * kSide; ++i) {
      const int y_at = min(top + i / kSide, op.height - 1);
      const int x_at = min(left + i % kSide, op.width - 1);
      load_neighbourhood<kLoadReach>(src + (y_at * op.width + x_at) * std::int64_t{op.src_stride},
                                     first, op.channels, x[i]);
    }
#pragma unroll
    for (int i = 0; i < kSide * kSide; ++i) take(x[i]);
  } else {
    for (int y = max(top, 0); y < min(bottom, op.height); ++y) {
#pragma unroll 2
      for (int c = max(left, 0); c < min(right, op.width); ++c) {
        float x[4 + 2 * kLoadReach];
        load_neighbourhood<kLoadReach>(src + (y * op.width + c) * std::int64_t{op.src_stride},
                                       first, op.channels, x);
        take(x);
      }
    }
  }

  float result[4];
  if constexpr (kKind == WindowKind::kPoolLrn) {
    // Neighbours that the tensor does not have count as 0.
#pragma unroll
    for (int i = 0; i < kTaken; ++i)
      if (first - kReach + i < 0 || first - kReach + i >= op.channels) taken[i] = 0.0f;
    apply_lrn<kReach, 4>(op.lrn, taken, result);
  } else {
    const float divisor =
        kKind == WindowKind::kAverage ? static_cast<float>((bottom - top) * (right - left)) : 1.0f;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      result[i] = kKind == WindowKind::kAverage ? taken[i] / divisor : taken[i];
  }
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (first + i >= op.channels) result[i] = 0.0f;
  store_elements<4>(static_cast<T*>(op.dst) + pixel * op.dst_stride + first, result);
}

// Whether every window is 3 x 3 and starts inside of the image: a repeated last row or column is
// one of its own.
bool is_3x3_inside(const WindowOp& op) {
  return op.kernel_h == 3 && op.kernel_w == 3 && op.pad_h + op.pad_w == 0 &&
         (op.out_height - 1) * op.stride_h < op.height &&
         (op.out_width - 1) * op.stride_w < op.width;
}

// Launches a kernel for 3 x 3 max pools of stride 2, alone or behind LRN, where the op is one.
bool launch_stride_2(const WindowOp& op, cudaStream_t stream) {
  const bool reaches_inside = (op.out_height - 1) * 2 - op.pad_h < op.height &&
                              (op.out_width - 1) * 2 - op.pad_w < op.width &&
                              std::max(op.pad_h, op.pad_w) < 3;
  if (op.is_average || op.kernel_h != 3 || op.kernel_w != 3 || op.stride_h != 2 ||
      op.stride_w != 2 || !reaches_inside)
    return false;
  if (op.lrn.reach == 0) {
    launch_max_pool(op, stream);
    return true;
  }
  if (op.lrn.reach != 2 || !op.lrn_first || op.images > 65535) return false;
  launch_lrn_pool(op, stream);
  return true;
}

// The mean of each channel's plane: a block takes 64 channels of an image, 32 of its threads share
// the pixels.
template <class T>
__global__ void __launch_bounds__(256) plane_mean_kernel(const __grid_constant__ WindowOp op) {
  __shared__ float sums[32][64];
  let_next_start();
  wait_for_previous();
  const int chunk = static_cast<int>(threadIdx.x) % 8;
  const int lane = static_cast<int>(threadIdx.x) / 8;
  const int first = static_cast<int>(blockIdx.x) * 64;
  const int channel = first + chunk * 8;
  const int plane = op.height * op.width;
  const T* src =
      static_cast<const T*>(op.src) + std::int64_t{blockIdx.y} * plane * op.src_stride + channel;
  const int padded = (op.channels + 15) / 16 * 16;
  float sum[8] = {};
  if (channel < padded) {
#pragma unroll 2
    for (int i = lane; i < plane; i += 32) {
      float x[8];
      load_elements<8>(src + std::int64_t{i} * op.src_stride, x);
#pragma unroll
      for (int c = 0; c < 8; ++c) sum[c] += x[c];
    }
  }
#pragma unroll
  for (int c = 0; c < 8; ++c) sums[lane][chunk * 8 + c] = sum[c];
  __syncthreads();
  const int own = static_cast<int>(threadIdx.x);
  if (own >= 64 || first + own >= padded) return;
  float total = 0.0f;
#pragma unroll
  for (int i = 0; i < 32; ++i) total += sums[i][own];
  static_cast<T*>(op.dst)[std::int64_t{blockIdx.y} * op.dst_stride + first + own] =
      to_element<T>(total / static_cast<float>(plane));
}

template <class T>
__global__ void to_nhwc_kernel(Reorder op) {
  const auto* src = static_cast<const float*>(op.src);
  auto* dst = static_cast<T*>(op.dst);
  for_each(std::int64_t{op.images} * op.plane * op.padded_channels, [&](std::int64_t i) {
    const std::int64_t c = i % op.padded_channels;
    const std::int64_t pixel = i / op.padded_channels;
    const std::int64_t from = (pixel / op.plane * op.channels + c) * op.plane + pixel % op.plane;
    dst[pixel * op.pixel_stride + c] = to_element<T>(c < op.channels ? src[from] : 0.0f);
  });
}

template <class T>
__global__ void from_nhwc_kernel(Reorder op) {
  const auto* src = static_cast<const T*>(op.src);
  auto* dst = static_cast<float*>(op.dst);
  for_each(std::int64_t{op.images} * op.channels * op.plane, [&](std::int64_t i) {
    const std::int64_t c = i / op.plane % op.channels;
    const std::int64_t pixel = i / op.plane / op.channels * op.plane + i % op.plane;
    dst[i] = to_float(src[pixel * op.pixel_stride + c]);
  });
}

// As launch_window_op, by the general kernel.
template <class T>
void launch_window(const WindowOp& op, cudaStream_t stream) {
  const std::int64_t items =
      std::int64_t{op.images} * op.out_height * op.out_width * ((op.channels + 15) / 16 * 4);
  const auto blocks = static_cast<unsigned>((items + kWindowThreads - 1) / kWindowThreads);
  const auto launch = [&](void (*kernel)(WindowOp)) {
    launch_early(kernel, op, dim3(blocks), kWindowThreads, 0, stream);
  };
  const bool is_3x3 = is_3x3_inside(op);
  using enum WindowKind;
  if (op.lrn.reach == 0) {
    if (op.is_average)
      launch(window_kernel<T, kAverage, 0, 0>);
    else
      launch(window_kernel<T, kMax, 0, 0>);
  } else if (op.lrn.reach == 2) {
    if (op.lrn_first)
      launch(window_kernel<T, kLrnPool, 0, 2>);
    else
      launch(is_3x3 ? window_kernel<T, kPoolLrn, 3, 2> : window_kernel<T, kPoolLrn, 0, 2>);
  } else {
    launch(op.lrn_first ? window_kernel<T, kLrnPool, 0, kMaxLrnReach>
                        : window_kernel<T, kPoolLrn, 0, kMaxLrnReach>);
  }
}

}  // namespace

void launch_window_op(const WindowOp& op, cudaStream_t stream) {
  if (op.is_average && op.out_height * op.out_width == 1 && op.kernel_h == op.height &&
      op.kernel_w == op.width && op.pad_h + op.pad_w == 0 && op.images <= 65535) {
    const dim3 grid(static_cast<unsigned>((op.channels + 63) / 64),
                    static_cast<unsigned>(op.images));
    with_element(op.number,
                 [&]<class T>(T) { launch_early(plane_mean_kernel<T>, op, grid, 256, 0, stream); });
    return;
  }
  if (launch_stride_2(op, stream)) return;
  with_element(op.number, [&]<class T>(T) { launch_window<T>(op, stream); });
}

void launch_to_nhwc(const Reorder& op, cudaStream_t stream) {
  const std::int64_t count = std::int64_t{op.images} * op.plane * op.padded_channels;
  if (count == 0) return;
  with_element(op.number, [&]<class T>(T) {
    to_nhwc_kernel<T><<<blocks_for(count), kThreads, 0, stream>>>(op);
  });
}

void launch_from_nhwc(const Reorder& op, cudaStream_t stream) {
  const std::int64_t count = std::int64_t{op.images} * op.plane * op.channels;
  if (count == 0) return;
  with_element(op.number, [&]<class T>(T) {
    from_nhwc_kernel<T><<<blocks_for(count), kThreads, 0, stream>>>(op);
  });
}

}  // namespace kissa::cuda
