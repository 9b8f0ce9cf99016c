// A cluster of four blocks computes 2 x 14 pixels of the result, from 5 x 32 of the convolution (of
// which 29 columns count), from 7 x 34 of the source; each block has 48 channels, and gives its
// neighbours the two at either end, which their LRN needs.
//   shared: barrier | offsets of the steps | edges | pixels, each its channels and 16 bytes |
//   weights then:   sums of half of the warps, later LRN's results, over the pixels; the
//   convolution's
//           results over the weights
// A block's weights come by one bulk copy, before the wait for the kernel before. Warps share the
// pixels in four and K in two.
#include "backends/cuda/kernels/neck.h"

#include "backends/cuda/kernels/cluster.cuh"
#include "backends/cuda/kernels/lrn.cuh"
#include "backends/cuda/kernels/number.cuh"

namespace kissa::cuda {
namespace {

constexpr int kNeckThreads = 256;
constexpr int kRanks = 4;
constexpr int kOutRows = 2;
constexpr int kOutColumns = 14;
constexpr int kRows = 2 * kOutRows + 1;
constexpr int kColumns = 32;
constexpr int kInner = 2 * kOutColumns + 1;  // columns that count
constexpr int kPixels = kRows * kColumns;
constexpr int kSourceRows = kRows + 2;
constexpr int kSourceColumns = kColumns + 2;
constexpr int kSource = kSourceRows * kSourceColumns;
constexpr int kBlocks = kNeckOutputs / 16 / kRanks;  // of 16 channels
constexpr int kChannels = 16 * kBlocks;
constexpr int kTiles = kPixels / 8 / 4;  // of a warp
constexpr int kKept = (kTiles + 1) / 2;  // of them, that the first warps of a pair finish
constexpr int kSumPitch = kChannels + 4;
constexpr int kBarrierBytes = 16;
template <class T>
constexpr int kPitch = kChannels + 16 / int{sizeof(T)};

int pitch_of(const Neck& op) { return op.groups_in * 32 + 16; }
int steps_of(const Neck& op) { return op.groups_in * 9; }
__host__ __device__ constexpr int larger_of(int a, int b) { return a > b ? a : b; }
// The pixels, later the sums that warps give each other.
__host__ __device__ constexpr int pixels_bytes(int pitch) {
  return larger_of(kSource * pitch, kPixels * kSumPitch * 4);
}
int offsets_bytes(const Neck& op) { return (steps_of(op) * 4 + 15) / 16 * 16; }

// Of the convolution's results; the two channels before and behind the block's lie in `edges`.
template <class T>
__device__ void neighbourhood(const T* tile, const T* edges, int pixel, int chunk, float (&x)[12]) {
  const T* own = tile + pixel * kPitch<T> + chunk;
  const T* before = chunk == 0 ? edges + pixel * 2 : own - 2;
  const T* behind = chunk + 8 == kChannels ? edges + (kPixels + pixel) * 2 : own + 8;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    x[i] = to_float(before[i]);
    x[10 + i] = to_float(behind[i]);
  }
#pragma unroll
  for (int w = 0; w < 8 / kOfWord<T>; ++w)
    unpack<T>(reinterpret_cast<const uint4*>(own)[w], x + 2 + w * kOfWord<T>);
}

template <class T>
__global__ void __launch_bounds__(kNeckThreads, 1) neck_kernel(const __grid_constant__ Neck op) {
  extern __shared__ __align__(16) unsigned char shared[];
  let_next_start();
  const int tid = static_cast<int>(threadIdx.x);
  const int lane = tid % 32;
  const int warp_n = tid / 32 % 4;
  const int warp_k = tid / 32 / 4;
  const int rank = cluster_rank();
  const int p0 = static_cast<int>(blockIdx.y) * kOutRows;
  const int q0 = static_cast<int>(blockIdx.x) / kRanks * kOutColumns;
  const int groups = op.groups_in;
  const int steps = groups * 9;
  const int pitch = groups * 32 + 16;
  const int blocks_out = (op.outputs + 15) / 16;

  int* offsets = reinterpret_cast<int*>(shared + kBarrierBytes);
  T* edges = reinterpret_cast<T*>(shared + kBarrierBytes + (steps * 4 + 15) / 16 * 16);
  unsigned char* pixels = reinterpret_cast<unsigned char*>(edges + 4 * kPixels);
  unsigned char* weights = pixels + pixels_bytes(pitch);
  const std::uint32_t barrier = shared_address(shared);
  const int own_blocks = min(kBlocks, blocks_out - rank * kBlocks);
  if (tid == 0 && own_blocks > 0) {
    const int bytes = own_blocks * steps * 512;
    init_barrier(barrier, 1);
    publish_barriers();
    arrive_expecting(barrier, bytes);
    bulk_copy(
        shared_address(weights),
        static_cast<const unsigned char*>(op.weight) + std::int64_t{rank} * kBlocks * steps * 512,
        bytes, barrier);
  }
  for (int step = tid; step < steps; step += kNeckThreads)
    offsets[step] = (step % 9 / 3 * kSourceColumns + step % 3) * pitch + step / 9 * 32;
  for (int i = tid; i < 4 * kPixels; i += kNeckThreads) edges[i] = to_element<T>(0.0f);
  cluster_arrive();

  float bias[kBlocks][2];
#pragma unroll
  for (int i = 0; i < kBlocks; ++i) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int channel = (rank * kBlocks + i) * 16 + half * 8 + lane / 4;
      bias[i][half] = channel < op.outputs ? op.bias[channel] : 0.0f;
    }
  }
  const std::uint32_t pixels_at = shared_address(pixels);
  std::uint32_t rows[kTiles];
#pragma unroll
  for (int j = 0; j < kTiles; ++j) {
    const int pixel = (warp_n * kTiles + j) * 8 + lane % 8;
    rows[j] = pixels_at + static_cast<std::uint32_t>(
                              (pixel / kColumns * kSourceColumns + pixel % kColumns) * pitch +
                              lane / 8 % 2 * 16);
  }

  const int words = groups * 2;
  const float per_word = 1.0f / static_cast<float>(words);
  const T* src = static_cast<const T*>(op.src) +
                 std::int64_t{blockIdx.z} * op.height * op.width * op.src_stride;
  struct Copy {
    std::uint32_t to;
    int from;  // elements; -1: zeros
  };
  const auto copy_of = [&](int i) {
    const int local = static_cast<int>((static_cast<float>(i) + 0.5f) * per_word);
    const int word = i - local * words;
    const int y = 2 * p0 - 1 + local / kSourceColumns;
    const int x = 2 * q0 - 1 + local % kSourceColumns;
    const bool is_inside = y >= 0 && y < op.height && x >= 0 && x < op.width;
    return Copy{pixels_at + static_cast<std::uint32_t>(local * pitch + word * 16),
                is_inside ? (y * op.width + x) * op.src_stride + word * kOfWord<T> : -1};
  };
  const auto run = [&](const Copy& copy) {
    copy_async(copy.to, src + max(copy.from, 0), copy.from >= 0);
  };
  // The first copies are found before the wait.
  constexpr int kEarly = 8;
  Copy early[kEarly];
#pragma unroll
  for (int k = 0; k < kEarly; ++k) early[k] = copy_of(tid + k * kNeckThreads);
  wait_for_previous();
#pragma unroll
  for (int k = 0; k < kEarly; ++k)
    if (tid + k * kNeckThreads < kSource * words) run(early[k]);
  for (int i = tid + kEarly * kNeckThreads; i < kSource * words; i += kNeckThreads) run(copy_of(i));
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();
  if (own_blocks > 0) wait_for(barrier, 0);

  float sums[kBlocks][kTiles][4] = {};
  {
    const int pairs = (steps + 1) / 2;
    const int end = (warp_k + 1) * pairs / 2;
    const std::uint32_t weights_at =
        shared_address(weights) + static_cast<std::uint32_t>(lane * 16);
#pragma unroll 2
    for (int pair = warp_k * pairs / 2; pair < end; ++pair) {
      uint4 a[kBlocks][2];
#pragma unroll
      for (int i = 0; i < kBlocks; ++i) {
        const std::uint32_t from =
            weights_at + static_cast<std::uint32_t>((i * steps + 2 * pair) * 512);
        a[i][0] = load_shared(from);
        a[i][1] = 2 * pair + 1 < steps ? load_shared(from + 512) : make_uint4(0, 0, 0, 0);
      }
      // Lanes 0 to 15 address the pair's first step, the others its second.
      const auto offset = static_cast<std::uint32_t>(offsets[min(2 * pair + lane / 16, steps - 1)]);
#pragma unroll
      for (int j = 0; j < kTiles; ++j) {
        const uint4 b = load_tiles(rows[j] + offset);
#pragma unroll
        for (int i = 0; i < kBlocks; ++i) multiply_add_pair<T>(sums[i][j], a[i][0], a[i][1], b);
      }
    }
  }
  __syncthreads();

  // The two warps of a pair finish some tiles each, with what the other gives.
  auto* given = reinterpret_cast<float*>(pixels);
  T* tile = reinterpret_cast<T*>(weights);
  const auto place = [&](int i, int j, int pitch_to) {
    return ((warp_n * kTiles + j) * 8 + lane % 4 * 2) * pitch_to + i * 16 + lane / 4;
  };
#pragma unroll
  for (int j = 0; j < kTiles; ++j) {
    if ((j < kKept) != (warp_k == 1)) continue;
#pragma unroll
    for (int i = 0; i < kBlocks; ++i) {
      float* to = given + place(i, j, kSumPitch);
      to[0] = sums[i][j][0];
      to[kSumPitch] = sums[i][j][1];
      to[8] = sums[i][j][2];
      to[kSumPitch + 8] = sums[i][j][3];
    }
  }
  __syncthreads();
#pragma unroll
  for (int j = 0; j < kTiles; ++j) {
    if ((j < kKept) != (warp_k == 0)) continue;
#pragma unroll
    for (int i = 0; i < kBlocks; ++i) {
      const int channel = (rank * kBlocks + i) * 16 + lane / 4;
      const auto finish = [&](float sum, float other, int half) {
        const float result = fminf(fmaxf(sum + other + bias[i][half], op.low), op.high);
        return to_element<T>(channel + half * 8 < op.outputs ? result : 0.0f);
      };
      const float* from = given + place(i, j, kSumPitch);
      T* to = tile + place(i, j, kPitch<T>);
      to[0] = finish(sums[i][j][0], from[0], 0);
      to[kPitch<T>] = finish(sums[i][j][1], from[kSumPitch], 0);
      to[8] = finish(sums[i][j][2], from[8], 1);
      to[kPitch<T> + 8] = finish(sums[i][j][3], from[kSumPitch + 8], 1);
    }
  }
  __syncthreads();
  cluster_wait();
  constexpr int kEdgeWords = 2 * int{sizeof(T)} / 4;  // of a pixel's two channels
  for (int i = tid; i < 2 * kPixels; i += kNeckThreads) {
    // The first two go behind those of the block before, the last two before those of the next.
    const bool is_first = i < kPixels;
    const int pixel = i % kPixels;
    const int to_rank = is_first ? rank - 1 : rank + 1;
    if (to_rank < 0 || to_rank >= kRanks) continue;
    const auto* from = reinterpret_cast<const std::uint32_t*>(tile + pixel * kPitch<T> +
                                                              (is_first ? 0 : kChannels - 2));
    const std::uint32_t to =
        address_in(shared_address(edges + ((is_first ? kPixels : 0) + pixel) * 2), to_rank);
#pragma unroll
    for (int w = 0; w < kEdgeWords; ++w) store_there(to + 4 * w, from[w]);
  }
  cluster_arrive();
  cluster_wait();

  constexpr int kChunks = kChannels / 8;
  constexpr int kWords = 8 / kOfWord<T>;  // of 8 channels
  T* scaled = reinterpret_cast<T*>(pixels);
  for (int i = tid; i < kRows * kInner * kChunks; i += kNeckThreads) {
    const int pixel = i / kChunks / kInner * kColumns + i / kChunks % kInner;
    const int chunk = i % kChunks * 8;
    float x[12];
    float y[8];
    neighbourhood(tile, edges, pixel, chunk, x);
    apply_lrn<2, 8>(op.lrn, x, y);
    store_elements<8>(scaled + pixel * kPitch<T> + chunk, y);
  }
  __syncthreads();

  // What hangs over the image repeats its last row or column.
  const int last_row = op.height - 1 - 2 * p0;
  const int last_column = op.width - 1 - 2 * q0;
  constexpr int kOut = kOutRows * kOutColumns;
  for (int i = tid; i < kOut * kChunks; i += kNeckThreads) {
    const int own = i / kChunks;
    const int chunk = i % kChunks * 8;
    const int p = p0 + own / kOutColumns;
    const int q = q0 + own % kOutColumns;
    const int channel = rank * kChannels + chunk;
    if (p >= op.out_height || q >= op.out_width || channel >= blocks_out * 16) continue;
    T* dst = static_cast<T*>(op.dst) +
             ((std::int64_t{blockIdx.z} * op.out_height + p) * op.out_width + q) * op.dst_stride +
             channel;
#pragma unroll
    for (int w = 0; w < kWords; ++w) {
      uint4 largest = lowest_word<T>();
#pragma unroll
      for (int k = 0; k < 9; ++k) {
        const int row = min(own / kOutColumns * 2 + k / 3, last_row);
        const int column = min(own % kOutColumns * 2 + k % 3, last_column);
        largest =
            max_word<T>(largest, reinterpret_cast<const uint4*>(
                                     scaled + (row * kColumns + column) * kPitch<T> + chunk)[w]);
      }
      reinterpret_cast<uint4*>(dst)[w] = largest;
    }
  }
}

}  // namespace

std::size_t neck_shared_bytes(const Neck& op) {
  const int bytes = bytes_of(op.number);
  const int tile = kPixels * (kChannels * bytes + 16);
  return static_cast<std::size_t>(kBarrierBytes + offsets_bytes(op) + 4 * kPixels * bytes +
                                  pixels_bytes(pitch_of(op)) +
                                  larger_of(kBlocks * steps_of(op) * 512, tile));
}

void prepare_neck(Number number) {
  with_element(number, []<class T>(T) {
    cudaFuncSetAttribute(neck_kernel<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024);
  });
}

void launch_neck(const Neck& op, cudaStream_t stream) {
  const auto ceil_div = [](int a, int b) { return static_cast<unsigned>((a + b - 1) / b); };
  const dim3 grid(kRanks * ceil_div(op.out_width, kOutColumns), ceil_div(op.out_height, kOutRows),
                  static_cast<unsigned>(op.images));
  with_element(op.number, [&]<class T>(T) {
    launch_clusters(neck_kernel<T>, op, grid, kNeckThreads, neck_shared_bytes(op), stream, kRanks);
  });
}

}  // namespace kissa::cuda
