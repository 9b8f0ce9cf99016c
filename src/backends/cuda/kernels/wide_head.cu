// A network's head for many images: the first convolution, pool, LRN and 1 x 1 convolution row by
// row on Hopper's wgmma, nothing between them in memory.
//
//   producers: a warp for each consumer reads two image rows at a time and stores them as pixels of
//     four halves, zeros around the image: slot of a ring in shared memory
//   consumers: three warpgroups, each on a strip of result rows of its own:
//     sums (64 channels x 112 pixels) = weights x pixels: 8 neighbouring pixels of a stride of 2
//       are 16 bytes apart in a row, so that wgmma reads the overlapping windows where they lie
//     vertical maxima of three such rows in registers, horizontal ones by shuffles, LRN through a
//       tile in shared memory, from which the second product (56 pixels x 64 channels) reads
//
//   shared: first weights [4][64][64] halves | second weights [64][64] | tiles [3][64 pixels][64]
//     (all swizzled) | rings [3][8 slots][2 rows][232 pixels][4] | barriers
#include "backends/cuda/kernels/head.h"

#include <algorithm>

#include "backends/cuda/kernels/hopper.cuh"
#include "backends/cuda/kernels/lrn.cuh"

namespace kissa::cuda {
namespace {

constexpr int kGroups = 3;  // of consumers
constexpr int kThreads = 128 * (kGroups + 1);
constexpr int kColumns = kWideHeadColumns;
constexpr int kOutColumns = kColumns / 2;
constexpr int kRowPixels = 2 * kColumns + 8;  // that its windows reach over
constexpr int kRowBytes = kRowPixels * 8;
constexpr int kSlots = 8;
constexpr int kSlotBytes = 2 * kRowBytes;
constexpr int kRingBytes = kSlots * kSlotBytes;
constexpr int kTileBytes = kHeadOutputs * 128;
constexpr int kFirstBytes = kWideHeadTiles * kTileBytes;
constexpr int kSecondAt = kFirstBytes;
constexpr int kTilesAt = kSecondAt + kTileBytes;
constexpr int kRingsAt = kTilesAt + kGroups * kTileBytes;
constexpr int kBarriersAt = kRingsAt + kGroups * kRingBytes;
constexpr int kSharedBytes = 1024 + kBarriersAt + kGroups * 2 * kSlots * 8;
constexpr int kPixelsEach = (kRowPixels + 31) / 32;  // of a producer's lane and row

// A strip of result rows of one image.
struct Strip {
  int image;
  int first_row;
  int rows;
  __device__ int conv_rows() const { return 2 * rows + 1; }
};

__device__ Strip strip_of(const Head& op, int index) {
  const int strips = (op.out_height + op.strip_rows - 1) / op.strip_rows;
  const int first_row = index % strips * op.strip_rows;
  return {index / strips, first_row, min(op.strip_rows, op.out_height - first_row)};
}

__device__ int strip_count(const Head& op) {
  return op.images * ((op.out_height + op.strip_rows - 1) / op.strip_rows);
}

// Where a consumer's ring stands: the slots that have passed.
struct Passed {
  int count = 0;
  __device__ std::uint32_t slot(int ahead) const {
    return static_cast<std::uint32_t>((count + ahead) % kSlots);
  }
  __device__ std::uint32_t parity(int ahead) const {
    return static_cast<std::uint32_t>((count + ahead) / kSlots % 2);
  }
};

struct Rings {
  std::uint32_t data;
  std::uint32_t barriers;  // full, then empty
  __device__ std::uint32_t slot(std::uint32_t i) const { return data + i * kSlotBytes; }
  __device__ std::uint32_t full(std::uint32_t i) const { return barriers + i * 8; }
  __device__ std::uint32_t empty(std::uint32_t i) const { return barriers + (kSlots + i) * 8; }
};

__device__ void produce(const Head& op, const Strip& strip, const Rings& ring, Passed& passed) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int plane = op.height * op.width;
  const float* src = op.src + std::int64_t{strip.image} * op.channels * plane;
  const int first_y = 4 * strip.first_row - op.pad;
  for (int pair = 0; pair < strip.conv_rows() + 3; ++pair) {
    float values[2][kPixelsEach][3];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      const int y = first_y + 2 * pair + row;
#pragma unroll
      for (int i = 0; i < kPixelsEach; ++i) {
        const int x = i * 32 + lane - op.pad;
        const bool is_inside = y >= 0 && y < op.height && x >= 0 && x < op.width;
#pragma unroll
        for (int c = 0; c < 3; ++c)
          values[row][i][c] =
              is_inside && c < op.channels ? __ldcs(src + c * plane + y * op.width + x) : 0.0f;
      }
    }
    wait_for(ring.empty(passed.slot(0)), passed.parity(0) ^ 1);
    const std::uint32_t to = ring.slot(passed.slot(0));
#pragma unroll
    for (int row = 0; row < 2; ++row) {
#pragma unroll
      for (int i = 0; i < kPixelsEach; ++i) {
        if (i * 32 + lane >= kRowPixels) continue;
        const float(&pixel)[3] = values[row][i];
        const __half2 low = __floats2half2_rn(pixel[0], pixel[1]);
        const __half2 high = __floats2half2_rn(pixel[2], 0.0f);
        asm volatile("st.shared.v2.b32 [%0],{%1,%2};" ::"r"(
                         to + static_cast<std::uint32_t>(row * kRowBytes + (i * 32 + lane) * 8)),
                     "r"(*reinterpret_cast<const std::uint32_t*>(&low)),
                     "r"(*reinterpret_cast<const std::uint32_t*>(&high))
                     : "memory");
      }
    }
    publish_shared();
    __syncwarp();
    if (lane == 0) arrive(ring.full(passed.slot(0)));
    ++passed.count;
  }
}

// The pixels at the start of a row in shared memory, every second, and the next three of each.
__device__ std::uint64_t window_descriptor(std::uint32_t address) {
  constexpr std::uint64_t kNextPixels = 1;  // of two, in 16 bytes: the sum's next 8 halves
  constexpr std::uint64_t kNextColumns = 8;
  return (address & 0x3ffff) >> 4 | kNextPixels << 16 | kNextColumns << 32;
}

// One row of the convolution, as halves: [2 j + h] are pixels 8 j + lane % 4 * 2 and the next of
// channel 16 warp + lane / 4 + 8 h.
__device__ __forceinline__ void convolve_row(std::uint32_t weights, const Rings& ring,
                                             const Passed& passed, __half2 (&row)[kColumns / 4]) {
  float sums[kColumns / 2] = {};
  begin_products();
#pragma unroll
  for (int r = 0; r < kHeadSide; ++r) {
    const std::uint32_t at =
        ring.slot(passed.slot(r / 2)) + static_cast<std::uint32_t>(r % 2 * kRowBytes);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int step = 2 * r + half;
      const std::uint64_t a =
          tile_descriptor(weights + static_cast<std::uint32_t>(step / 4 * kTileBytes)) +
          step % 4 * kNextProduct;
      multiply_tiles<__half, kColumns>(sums, a, window_descriptor(at + half * 32));
    }
  }
  commit_products();
  wait_for_products<0>();
  settle(sums);
#pragma unroll
  for (int i = 0; i < kColumns / 4; ++i) row[i] = __floats2half2_rn(sums[2 * i], sums[2 * i + 1]);
}

// The largest of pixels 2 p, 2 p + 1 and 2 p + 2 of a row, p = 4 j + lane % 4.
__device__ __forceinline__ __half widest(const __half2 (&row)[kColumns / 4], int j, int h) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const __half2 own = row[2 * j + h];
  const __half2 none = __half2half2(__ushort_as_half(0xfbff));
  const __half2 next =
      j + 1 < kColumns / 8 ? row[2 * (j + 1 < kColumns / 8 ? j + 1 : j) + h] : none;
  // A quad's last lane needs the first pixel of its first lane's next pixels.
  const __half2 given = lane % 4 == 0 ? next : own;
  const __half2 got = __shfl_sync(~0u, given, lane / 4 * 4 + (lane + 1) % 4);
  return __hmax(__hmax(__low2half(own), __high2half(own)), __low2half(got));
}

__device__ std::uint32_t tile_offset(int pixel, int word) {
  return static_cast<std::uint32_t>(pixel * 128 + ((word ^ pixel % 8) * 16));
}

__device__ void sync_group(int group) {
  asm volatile("bar.sync %0,128;" ::"r"(group + 1) : "memory");
}

// LRN across the 64 channels of the tile's pixels, in place.
__device__ __forceinline__ void normalize_tile(const Head& op, unsigned char* tile) {
  const int thread = static_cast<int>(threadIdx.x) % 128;
  const int word = thread % 8;
#pragma unroll
  for (int i = 0; i < (kOutColumns + 15) / 16; ++i) {
    const int pixel = i * 16 + thread / 8;
    auto* at = reinterpret_cast<uint4*>(tile + tile_offset(pixel, word));
    const uint4 own = *at;
    std::uint32_t before = __shfl_up_sync(~0u, own.w, 1, 8);
    std::uint32_t behind = __shfl_down_sync(~0u, own.x, 1, 8);
    if (word == 0) before = 0;
    if (word == 7) behind = 0;
    float x[12];
    float y[8];
    const float2 low = __half22float2(*reinterpret_cast<const __half2*>(&before));
    const float2 high = __half22float2(*reinterpret_cast<const __half2*>(&behind));
    x[0] = low.x, x[1] = low.y, x[10] = high.x, x[11] = high.y;
    to_floats(own, x + 2);
    apply_lrn<2, 8>(op.lrn, x, y);
    *at = to_halves(y);
  }
}

// The second convolution of the tile's pixels: row p of the result.
__device__ __forceinline__ void store_row(const Head& op, std::uint32_t tile, std::uint32_t weights,
                                          std::int64_t first_pixel) {
  float sums[kHeadOutputs / 2] = {};
  begin_products();
#pragma unroll
  for (int part = 0; part < 4; ++part)
    multiply_tiles<__half, kHeadOutputs>(sums, tile_descriptor(tile) + part * kNextProduct,
                                         tile_descriptor(weights) + part * kNextProduct);
  commit_products();
  wait_for_products<0>();
  settle(sums);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int quad = lane % 4;
  const int pixel = static_cast<int>(threadIdx.x) / 32 % 4 * 16 + lane / 4;
  __half* dst = static_cast<__half*>(op.dst) + (first_pixel + pixel) * op.dst_stride + quad * 8;
#pragma unroll
  for (int group = 0; group < kHeadOutputs / 32; ++group) {
    std::uint32_t words[2][4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int at = group * 4 + i;
      const float2 bias =
          __ldg(reinterpret_cast<const float2*>(op.second_bias + at * 8 + quad * 2));
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const __half2 pair = __floats2half2_rn(
            fminf(fmaxf(sums[at * 4 + 2 * h] + bias.x, op.second_low), op.second_high),
            fminf(fmaxf(sums[at * 4 + 2 * h + 1] + bias.y, op.second_low), op.second_high));
        words[h][i] = *reinterpret_cast<const std::uint32_t*>(&pair);
      }
    }
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      transpose_quad(words[h], quad);
      if (pixel + 8 * h < op.out_width)
        *reinterpret_cast<uint4*>(dst + std::int64_t{8 * h} * op.dst_stride + group * 32) =
            make_uint4(words[h][0], words[h][1], words[h][2], words[h][3]);
    }
  }
}

__device__ __forceinline__ void consume(const Head& op, const Strip& strip, int group,
                                        unsigned char* shared, const Rings& ring, Passed& passed) {
  const int thread = static_cast<int>(threadIdx.x) % 128;
  const int lane = thread % 32;
  const int channel = thread / 32 * 16 + lane / 4;
  const float bias[2] = {__ldg(op.first_bias + channel), __ldg(op.first_bias + channel + 8)};
  unsigned char* tile = shared + kTilesAt + group * kTileBytes;
  __half2 maxima[kColumns / 4];
#pragma unroll
  for (__half2& pair : maxima) pair = __half2half2(__ushort_as_half(0xfbff));
  for (int ahead = 0; ahead < 3; ++ahead)
    wait_for(ring.full(passed.slot(ahead)), passed.parity(ahead));
  for (int i = 0; i < strip.conv_rows(); ++i) {
    wait_for(ring.full(passed.slot(3)), passed.parity(3));
    __half2 row[kColumns / 4];
    convolve_row(shared_address(shared), ring, passed, row);
    if (thread == 0) arrive(ring.empty(passed.slot(0)));
    ++passed.count;
    // Rows and columns behind the convolution's last do not count.
    if (op.conv_width < kColumns) {
#pragma unroll
      for (int k = 0; k < kColumns / 4; ++k) {
        const int pixel = k / 2 * 8 + lane % 4 * 2;
        if (pixel >= op.conv_width) row[k].x = __ushort_as_half(0xfbff);
        if (pixel + 1 >= op.conv_width) row[k].y = __ushort_as_half(0xfbff);
      }
    }
    if (2 * strip.first_row + i < op.conv_height) {
#pragma unroll
      for (int k = 0; k < kColumns / 4; ++k) maxima[k] = __hmax2(maxima[k], row[k]);
    }
    if (i == 0 || i % 2 != 0) continue;

    sync_group(group);  // the tile was read by all
#pragma unroll
    for (int j = 0; j < kColumns / 8; ++j) {
      const int pixel = 4 * j + lane % 4;
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const float value = __half2float(widest(maxima, j, h)) + bias[h];
        *reinterpret_cast<__half*>(tile + tile_offset(pixel, channel / 8 + h) + channel % 8 * 2) =
            __float2half_rn(fminf(fmaxf(value, op.first_low), op.first_high));
      }
    }
#pragma unroll
    for (int k = 0; k < kColumns / 4; ++k) maxima[k] = row[k];
    sync_group(group);
    normalize_tile(op, tile);
    publish_shared();
    sync_group(group);
    const std::int64_t out_row =
        std::int64_t{strip.image} * op.out_height + strip.first_row + i / 2 - 1;
    store_row(op, shared_address(tile), shared_address(shared + kSecondAt), out_row * op.out_width);
  }
  if (thread == 0)
    for (int left = 0; left < 3; ++left) arrive(ring.empty(passed.slot(left)));
  passed.count += 3;
}

__global__ void __launch_bounds__(kThreads, 1) wide_head_kernel(const __grid_constant__ Head op) {
  extern __shared__ unsigned char memory[];
  unsigned char* shared = memory + (1024 - shared_address(memory) % 1024) % 1024;
  const std::uint32_t start = shared_address(shared);
  const int tid = static_cast<int>(threadIdx.x);
  let_next_start();
  const auto ring_of = [&](int group) {
    return Rings{start + static_cast<std::uint32_t>(kRingsAt + group * kRingBytes),
                 start + static_cast<std::uint32_t>(kBarriersAt + group * 2 * kSlots * 8)};
  };
  for (int i = tid; i < kFirstBytes / 16; i += kThreads)
    reinterpret_cast<uint4*>(shared)[i] = static_cast<const uint4*>(op.first_weight)[i];
  for (int i = tid; i < kTileBytes / 16; i += kThreads)
    reinterpret_cast<uint4*>(shared + kSecondAt)[i] =
        static_cast<const uint4*>(op.second_weight)[i];
  for (int i = tid; i < kGroups * kTileBytes / 16; i += kThreads)
    reinterpret_cast<uint4*>(shared + kTilesAt)[i] = make_uint4(0, 0, 0, 0);
  publish_shared();
  if (tid == 0) {
    for (int group = 0; group < kGroups; ++group) {
      for (std::uint32_t i = 0; i < kSlots; ++i) {
        init_barrier(ring_of(group).full(i), 1);
        init_barrier(ring_of(group).empty(i), 1);
      }
    }
    publish_barriers();
  }
  __syncthreads();
  wait_for_previous();

  const int strips = strip_count(op);
  const int step = static_cast<int>(gridDim.x) * kGroups;
  Passed passed;
  if (tid < 128) {
    KISSA_HOPPER("setmaxnreg.dec.sync.aligned.u32 80;");
    const int group = tid / 32;
    if (group >= kGroups) return;
    const Rings ring = ring_of(group);
    for (int i = static_cast<int>(blockIdx.x) * kGroups + group; i < strips; i += step)
      produce(op, strip_of(op, i), ring, passed);
  } else {
    KISSA_HOPPER("setmaxnreg.inc.sync.aligned.u32 144;");
    const int group = tid / 128 - 1;
    const Rings ring = ring_of(group);
    for (int i = static_cast<int>(blockIdx.x) * kGroups + group; i < strips; i += step)
      consume(op, strip_of(op, i), group, shared, ring, passed);
  }
}

// The fewest rows of the convolution that a warpgroup computes in all.
int best_strip(const Head& head, int groups) {
  const auto cost = [&](int rows) {
    const int strips = head.images * ((head.out_height + rows - 1) / rows);
    return (strips + groups - 1) / groups * (2 * rows + 3);
  };
  int best = head.out_height;
  for (int rows = head.out_height; rows > 0; --rows)
    if (cost(rows) < cost(best)) best = rows;
  return best;
}

}  // namespace

void prepare_wide_head() {
  cudaFuncSetAttribute(wide_head_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes);
}

void launch_wide_head(const Head& head, cudaStream_t stream) {
  int device = 0;
  int processors = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
  Head op = head;
  op.strip_rows = best_strip(head, processors * kGroups);
  const int strips = op.images * ((op.out_height + op.strip_rows - 1) / op.strip_rows);
  const int blocks = std::min(processors, (strips + kGroups - 1) / kGroups);
  launch_early(wide_head_kernel, op, dim3(static_cast<unsigned>(blocks)), kThreads, kSharedBytes,
               stream);
}

}  // namespace kissa::cuda
