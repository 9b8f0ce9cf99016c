// LRN across 5 channels, then a 3 x 3 max pool of stride 2, for many FP16 pixels. A thread takes 8
// channels of one column and walks down the rows of a strip: LRN of each pixel once, the maximum of
// three rows in registers, that of three columns through shared memory. A block has 64 channels of
// the 29 columns under 14 outputs.
//
// Bound by memory, and by the special function unit (two results an element).
#include "backends/cuda/kernels/lrn_pool.h"

#include "backends/cuda/kernels/lrn.cuh"
#include "backends/cuda/kernels/number.cuh"

namespace kissa::cuda {
namespace {

constexpr int kWords = 8;  // of 8 channels
constexpr int kOutColumns = 14;
constexpr int kColumns = 2 * kOutColumns + 1;
constexpr int kPoolThreads = 256;
constexpr int kStripRows = 14;  // of the result
static_assert(kColumns * kWords <= kPoolThreads);

// A thread's 8 channels of a pixel, and the two channels beyond them at an end of the block's.
struct Piece {
  uint4 own;
  std::uint32_t beyond;
};

__device__ uint4 normalize(const LrnParameters& lrn, const Piece& piece, int word) {
  std::uint32_t before = __shfl_up_sync(~0u, piece.own.w, 1, kWords);
  std::uint32_t behind = __shfl_down_sync(~0u, piece.own.x, 1, kWords);
  if (word == 0) before = piece.beyond;
  if (word == kWords - 1) behind = piece.beyond;
  float x[12];
  float y[8];
  const float2 low = __half22float2(*reinterpret_cast<const __half2*>(&before));
  const float2 high = __half22float2(*reinterpret_cast<const __half2*>(&behind));
  x[0] = low.x, x[1] = low.y, x[10] = high.x, x[11] = high.y;
  to_floats(piece.own, x + 2);
  apply_lrn<2, 8>(lrn, x, y);
  return to_halves(y);
}

__global__ void __launch_bounds__(kPoolThreads, 4)
    lrn_pool_kernel(const __grid_constant__ WindowOp op) {
  __shared__ uint4 columns[2][kPoolThreads];
  let_next_start();
  const int tid = static_cast<int>(threadIdx.x);
  const int word = tid % kWords;
  const int tiles = (op.out_width + kOutColumns - 1) / kOutColumns;
  const int q0 = static_cast<int>(blockIdx.x) % tiles * kOutColumns;
  const int p0 = static_cast<int>(blockIdx.x) / tiles * kStripRows;
  const int p1 = min(p0 + kStripRows, op.out_height);
  const int padded = (op.channels + 15) / 16 * 16;
  const int channel = (static_cast<int>(blockIdx.y) * kWords + word) * 8;
  const int column = 2 * q0 + min(tid / kWords, kColumns - 1);
  const bool is_inside = channel < padded;
  // A column behind the last repeats it: the last window has it anyway.
  const __half* src =
      static_cast<const __half*>(op.src) +
      (std::int64_t{blockIdx.z} * op.height * op.width + min(column, op.width - 1)) *
          op.src_stride +
      channel;
  const std::int64_t row_step = std::int64_t{op.width} * op.src_stride;
  const int beyond = word == 0 ? -2 : 8;
  const bool has_beyond =
      is_inside && (word == 0 ? channel > 0 : word == kWords - 1 && channel + 8 < padded);
  const auto load = [&](int row) {
    Piece piece = {make_uint4(0, 0, 0, 0), 0};
    const __half* at = src + min(row, op.height - 1) * row_step;
    if (is_inside) piece.own = __ldcs(reinterpret_cast<const uint4*>(at));
    if (has_beyond) piece.beyond = __ldcs(reinterpret_cast<const std::uint32_t*>(at + beyond));
    return piece;
  };
  wait_for_previous();

  uint4 above = normalize(op.lrn, load(2 * p0), word);
  Piece middle = load(2 * p0 + 1);
  Piece below = load(2 * p0 + 2);
  for (int p = p0; p < p1; ++p) {
    const Piece now_middle = middle;
    const Piece now_below = below;
    if (p + 1 < p1) {
      middle = load(2 * p + 3);
      below = load(2 * p + 4);
    }
    const uint4 last = normalize(op.lrn, now_below, word);
    columns[p % 2][tid] = max_half8(max_half8(above, normalize(op.lrn, now_middle, word)), last);
    above = last;
    __syncthreads();
    const int q = q0 + tid / kWords;
    if (tid >= kOutColumns * kWords || q >= op.out_width || !is_inside) continue;
    const uint4* under = columns[p % 2] + tid / kWords * 2 * kWords + word;
    const uint4 largest = max_half8(max_half8(under[0], under[kWords]), under[2 * kWords]);
    __half* dst =
        static_cast<__half*>(op.dst) +
        ((std::int64_t{blockIdx.z} * op.out_height + p) * op.out_width + q) * op.dst_stride +
        channel;
    *reinterpret_cast<uint4*>(dst) = largest;
  }
}

}  // namespace

void launch_lrn_pool(const WindowOp& op, cudaStream_t stream) {
  const auto ceil_div = [](int a, int b) { return static_cast<unsigned>((a + b - 1) / b); };
  const dim3 grid(ceil_div(op.out_width, kOutColumns) * ceil_div(op.out_height, kStripRows),
                  ceil_div(op.channels, 8 * kWords), static_cast<unsigned>(op.images));
  launch_early(lrn_pool_kernel, op, grid, kPoolThreads, 0, stream);
}

}  // namespace kissa::cuda
