// A thread takes 16 bytes of channels of a column of results and walks down the rows of a strip,
// the next rows on their way; the third column is the next thread's first, and comes from the first
// cache. The images come last to first, as the second cache still has the last ones.
#include "backends/cuda/kernels/max_pool.h"

#include <algorithm>

#include "backends/cuda/kernels/number.cuh"

namespace kissa::cuda {
namespace {

constexpr int kPoolThreads = 128;
constexpr int kMaxRows = 4;  // of the result, of a strip
constexpr std::int64_t kWantedThreads = 40000;

struct Strips {
  WindowOp op;
  int rows;   // of the result in a strip
  int count;  // strips of an image
};

template <class T>
__global__ void __launch_bounds__(kPoolThreads, kIsHalf<T> ? 8 : 6)
    max_pool_kernel(const __grid_constant__ Strips strips) {
  let_next_start();
  const WindowOp& op = strips.op;
  const int words = (op.channels + 15) / 16 * 16 / kOfWord<T>;
  std::int64_t item =
      std::int64_t{gridDim.x - 1 - blockIdx.x} * kPoolThreads + static_cast<int>(threadIdx.x);
  const int channel = static_cast<int>(item % words) * kOfWord<T>;
  item /= words;
  const int q = static_cast<int>(item % op.out_width);
  item /= op.out_width;
  const int p0 = static_cast<int>(item % strips.count) * strips.rows;
  const int p1 = min(p0 + strips.rows, op.out_height);
  const std::int64_t image = item / strips.count;

  // What of a window hangs over repeats the image's first or last row or column, which the window
  // has anyway.
  const int row = 2 * p0 - op.pad_h;
  const int column = 2 * q - op.pad_w;
  const T* src =
      static_cast<const T*>(op.src) + image * op.height * op.width * op.src_stride + channel;
  struct Row {
    uint4 words[3];
  };
  const auto load = [&](int y) {
    const T* at = src + std::int64_t{min(max(y, 0), op.height - 1)} * op.width * op.src_stride;
    Row loaded;
#pragma unroll
    for (int k = 0; k < 3; ++k)
      loaded.words[k] = *reinterpret_cast<const uint4*>(at + min(max(column + k, 0), op.width - 1) *
                                                                 op.src_stride);
    return loaded;
  };
  const auto largest_of = [](const Row& of) {
    return max_word<T>(max_word<T>(of.words[0], of.words[1]), of.words[2]);
  };
  wait_for_previous();
  if (image >= op.images) return;

  const Row top = load(row);
  Row middle = load(row + 1);
  Row below = load(row + 2);
  uint4 above = largest_of(top);
  T* dst = static_cast<T*>(op.dst) +
           ((image * op.out_height + p0) * op.out_width + q) * op.dst_stride + channel;
  for (int p = p0; p < p1; ++p, dst += std::int64_t{op.out_width} * op.dst_stride) {
    const uint4 largest = max_word<T>(above, largest_of(middle));
    above = largest_of(below);
    if (p + 1 < p1) {
      middle = load(2 * p - op.pad_h + 3);
      below = load(2 * p - op.pad_h + 4);
    }
    *reinterpret_cast<uint4*>(dst) = max_word<T>(largest, above);
  }
}

}  // namespace

void launch_max_pool(const WindowOp& op, cudaStream_t stream) {
  const std::int64_t words = std::int64_t{(op.channels + 15) / 16} * 16 * bytes_of(op.number) / 16;
  const std::int64_t columns = words * op.out_width * op.images;
  const std::int64_t wanted = (kWantedThreads + columns - 1) / columns;
  const auto rows =
      static_cast<int>(std::min<std::int64_t>((op.out_height + wanted - 1) / wanted, kMaxRows));
  const Strips strips = {op, rows, (op.out_height + rows - 1) / rows};
  const auto blocks =
      static_cast<unsigned>((columns * strips.count + kPoolThreads - 1) / kPoolThreads);
  with_element(op.number, [&]<class T>(T) {
    launch_early(max_pool_kernel<T>, strips, dim3(blocks), kPoolThreads, 0, stream);
  });
}

}  // namespace kissa::cuda
