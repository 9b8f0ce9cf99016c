// y = clip(W * x + b) as a product of matrices by wgmma: M = pixels, N = output channels, K = (tap,
// 64 channels). One block a multiprocessor, which takes tile after tile:
//
//   producer thread: for each step of K, the tile's pixels at that tap by TMA (im2col mode: zeros
//     outside the image cost nothing) and the weights as one bulk copy, into a ring in shared
//     memory
//   two warpgroups: each half of the tile's pixels times all of its columns; one product on its way
//     while the next step is waited for; then bias, bounds and 16-byte stores
//
//   ring slot: pixels [128 kBlocks][64] halves | weights [columns][64] halves, both in rows of 128
//     bytes, swizzled
//
// Bound by wgmma: 4 columns cycles a step of 256 pixels; by L2 where K is short. Figures:
// docs/kernels/cuda_conv.md.
#include "backends/cuda/kernels/wide_stage.h"

#include <cudaTypedefs.h>

#include <algorithm>

#include "backends/cuda/kernels/hopper.cuh"

namespace kissa::cuda {
namespace {

constexpr int kThreads = 384;
constexpr int kRowBytes = 128;  // 64 halves
constexpr int kMaxSlots = 8;
constexpr int kBarrierBytes = 2 * kMaxSlots * 8;
constexpr int kAlign = 1024;
constexpr int kSharedBytes = 227 * 1024;
constexpr int kRingBytes = kSharedBytes - kAlign - kBarrierBytes;

// The slot of the next step, and the parity of its phase.
struct Ring {
  std::uint32_t slots;  // address
  std::uint32_t full;   // barriers: of what has come in...
  std::uint32_t empty;  // ...and of what may be overwritten
  int count;
  int bytes;
  int slot = 0;
  std::uint32_t parity = 0;

  __device__ std::uint32_t data() const { return slots + static_cast<std::uint32_t>(slot * bytes); }
  __device__ std::uint32_t is_full() const { return full + static_cast<std::uint32_t>(slot * 8); }
  __device__ std::uint32_t is_empty(int of) const {
    return empty + static_cast<std::uint32_t>(of * 8);
  }
  __device__ void advance() {
    if (++slot < count) return;
    slot = 0;
    parity ^= 1;
  }
};

__device__ int task_of(const WideStage& stage, int tile) {
  int task = 0;
  while (tile >= stage.first_tile[task + 1]) ++task;
  return task;
}

struct Tile {
  int first_pixel;
  int first_column;
};

template <int kBlocks>
__device__ Tile tile_of(const WideProduct& product, int index) {
  const int across = (product.columns + product.tile_columns - 1) / product.tile_columns;
  return {index / across * kBlocks * kWideRows, index % across * product.tile_columns};
}

template <int kBlocks>
__device__ void bring_tile(const WideProduct& product, int index, Ring& ring) {
  const Tile tile = tile_of<kBlocks>(product, index);
  const int plane = product.out_height * product.out_width;
  const int image = tile.first_pixel / plane;
  const int rest = tile.first_pixel - image * plane;
  const int row = rest / product.out_width;
  const int y = row * product.stride - product.pad_y;
  const int x = (rest - row * product.out_width) * product.stride - product.pad_x;
  constexpr int kPixelBytes = kBlocks * kWideRows * kRowBytes;
  const int weight_bytes = product.tile_columns * kRowBytes;
  const auto* weight = static_cast<const unsigned char*>(product.weight) +
                       std::int64_t{tile.first_column} * kRowBytes * product.taps_y *
                           product.taps_x * product.chunks;
  for (int tap_y = 0; tap_y < product.taps_y; ++tap_y) {
    for (int tap_x = 0; tap_x < product.taps_x; ++tap_x) {
      for (int chunk = 0; chunk < product.chunks; ++chunk) {
        wait_for(ring.is_empty(ring.slot), ring.parity ^ 1);
        arrive_expecting(ring.is_full(), kPixelBytes + weight_bytes);
        copy_pixels(ring.data(), &product.pixels, chunk * 64, x, y, image, tap_x * product.dilation,
                    tap_y * product.dilation, ring.is_full());
        bulk_copy(ring.data() + kPixelBytes, weight, weight_bytes, ring.is_full());
        weight += weight_bytes;
        ring.advance();
      }
    }
  }
}

// One step: kParts times 16 channels.
template <int kBlocks, int kColumns, int kParts>
__device__ __forceinline__ void multiply_step(float (&sums)[kBlocks][kColumns / 2],
                                              std::uint64_t pixels, std::uint64_t weights) {
  begin_products();
#pragma unroll
  for (int part = 0; part < kParts; ++part)
#pragma unroll
    for (int block = 0; block < kBlocks; ++block)
      multiply_tiles<kColumns>(sums[block], pixels + block * kNextRows + part * kNextProduct,
                               weights + part * kNextProduct);
  commit_products();
}

// Each lane of a quad has word j of its own row j; afterwards all of row `lane`.
__device__ __forceinline__ void transpose_quad(std::uint32_t (&words)[4], int lane) {
#pragma unroll
  for (int distance = 1; distance <= 2; distance *= 2) {
    const bool upper = (lane & distance) != 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if ((i & distance) != 0) continue;
      std::uint32_t& low = words[i];
      std::uint32_t& high = words[i + distance];
      const std::uint32_t got = __shfl_xor_sync(~0u, upper ? low : high, distance);
      (upper ? low : high) = got;
    }
  }
}

__device__ __half* address_of(const WideProduct& product, int column, std::int64_t pixel) {
  int i = 0;
  while (i + 1 < product.segment_count && column >= product.segments[i + 1].first) ++i;
  const WideSegment& segment = product.segments[i];
  return static_cast<__half*>(segment.dst) + pixel * segment.dst_stride + column - segment.first;
}

__device__ std::uint32_t finish(const WideProduct& product, float a, float b, const float2& bias) {
  const __half2 pair = __floats2half2_rn(fminf(fmaxf(a + bias.x, product.low), product.high),
                                         fminf(fmaxf(b + bias.y, product.low), product.high));
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}

// Stores 64 pixels of a warpgroup.
template <int kColumns>
__device__ __forceinline__ void store_rows(const WideProduct& product,
                                           const float (&sums)[kColumns / 2], int first_pixel,
                                           int first_column) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int quad = lane % 4;
  const int pixel = first_pixel + static_cast<int>(threadIdx.x) / 32 % 4 * 16 + lane / 4;
  const bool has_low = pixel < product.pixel_count;
  const bool has_high = pixel + 8 < product.pixel_count;
  const float* bias = product.bias + first_column + quad * 2;
#pragma unroll
  for (int group = 0; group < kColumns / 32; ++group) {
    std::uint32_t low[4];
    std::uint32_t high[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int at = group * 4 + i;
      const float2 b = __ldg(reinterpret_cast<const float2*>(bias + at * 8));
      low[i] = finish(product, sums[at * 4], sums[at * 4 + 1], b);
      high[i] = finish(product, sums[at * 4 + 2], sums[at * 4 + 3], b);
    }
    transpose_quad(low, quad);
    transpose_quad(high, quad);
    const int column = first_column + group * 32 + quad * 8;
    if (column >= product.columns) continue;
    if (has_low)
      *reinterpret_cast<uint4*>(address_of(product, column, pixel)) =
          make_uint4(low[0], low[1], low[2], low[3]);
    if (has_high)
      *reinterpret_cast<uint4*>(address_of(product, column, pixel + 8)) =
          make_uint4(high[0], high[1], high[2], high[3]);
  }
#pragma unroll
  for (int at = kColumns / 32 * 4; at < kColumns / 8; ++at) {
    const int column = first_column + at * 8 + quad * 2;
    if (column >= product.columns) continue;
    const float2 b = __ldg(reinterpret_cast<const float2*>(bias + at * 8));
    const std::uint32_t low = finish(product, sums[at * 4], sums[at * 4 + 1], b);
    const std::uint32_t high = finish(product, sums[at * 4 + 2], sums[at * 4 + 3], b);
    if (has_low) *reinterpret_cast<std::uint32_t*>(address_of(product, column, pixel)) = low;
    if (has_high) *reinterpret_cast<std::uint32_t*>(address_of(product, column, pixel + 8)) = high;
  }
}

template <int kBlocks, int kColumns>
__device__ __forceinline__ void multiply_tile(const WideProduct& product, const Tile& tile,
                                              Ring& ring) {
  const int group = static_cast<int>(threadIdx.x) / 128 - 1;
  const bool is_first = threadIdx.x % 128 == 0;
  const int steps = product.taps_y * product.taps_x * product.chunks;
  float sums[kBlocks][kColumns / 2] = {};
  int chunk = 0;
  int previous = -1;
  for (int step = 0; step < steps; ++step) {
    wait_for(ring.is_full(), ring.parity);
    const std::uint64_t pixels =
        tile_descriptor(ring.data() + static_cast<std::uint32_t>(group * kBlocks * 64 * kRowBytes));
    const std::uint64_t weights =
        tile_descriptor(ring.data() + static_cast<std::uint32_t>(kBlocks * kWideRows * kRowBytes));
    int parts = 4;
    if (++chunk == product.chunks) {
      chunk = 0;
      parts = product.last_parts;
    }
    if (parts == 4)
      multiply_step<kBlocks, kColumns, 4>(sums, pixels, weights);
    else if (parts == 3)
      multiply_step<kBlocks, kColumns, 3>(sums, pixels, weights);
    else if (parts == 2)
      multiply_step<kBlocks, kColumns, 2>(sums, pixels, weights);
    else
      multiply_step<kBlocks, kColumns, 1>(sums, pixels, weights);
    wait_for_products<1>();
    if (is_first && previous >= 0) arrive(ring.is_empty(previous));
    previous = ring.slot;
    ring.advance();
  }
  wait_for_products<0>();
#pragma unroll
  for (int block = 0; block < kBlocks; ++block) settle(sums[block]);
  if (is_first) arrive(ring.is_empty(previous));
#pragma unroll
  for (int block = 0; block < kBlocks; ++block)
    store_rows<kColumns>(product, sums[block], tile.first_pixel + (group * kBlocks + block) * 64,
                         tile.first_column);
}

template <int kBlocks>
__device__ __forceinline__ void multiply_any(const WideProduct& product, int index, Ring& ring) {
  const Tile tile = tile_of<kBlocks>(product, index);
  switch (product.tile_columns) {
    case 32: return multiply_tile<kBlocks, 32>(product, tile, ring);
    case 48: return multiply_tile<kBlocks, 48>(product, tile, ring);
    case 64: return multiply_tile<kBlocks, 64>(product, tile, ring);
    case 96: return multiply_tile<kBlocks, 96>(product, tile, ring);
    case 112: return multiply_tile<kBlocks, 112>(product, tile, ring);
    case 128: return multiply_tile<kBlocks, 128>(product, tile, ring);
    case 144: return multiply_tile<kBlocks, 144>(product, tile, ring);
    case 160: return multiply_tile<kBlocks, 160>(product, tile, ring);
    case 176: return multiply_tile<kBlocks, 176>(product, tile, ring);
    default: return multiply_tile<kBlocks, 192>(product, tile, ring);
  }
}

// A pool's thread takes 8 channels of a piece of the image, column by column: each column's maxima
// of three rows, then the maximum of three columns.
constexpr int kPoolRows = 7;
constexpr int kPoolColumns = 14;
constexpr int kPoolThreads = 256;

__host__ __device__ std::int64_t pool_items(const WidePool& pool) {
  const int strips = (pool.height + kPoolRows - 1) / kPoolRows;
  const int runs = (pool.width + kPoolColumns - 1) / kPoolColumns;
  return std::int64_t{pool.images} * strips * runs * pool.words;
}

__device__ void pool_piece(const WidePool& pool, int index) {
  const std::int64_t item =
      std::int64_t{index} * kPoolThreads + static_cast<int>(threadIdx.x) - 128;
  if (item >= pool_items(pool)) return;
  const int strips = (pool.height + kPoolRows - 1) / kPoolRows;
  const int runs = (pool.width + kPoolColumns - 1) / kPoolColumns;
  const int word = static_cast<int>(item % pool.words);
  auto rest = static_cast<int>(item / pool.words);
  const int first_x = rest % runs * kPoolColumns;
  rest /= runs;
  const int first_y = rest % strips * kPoolRows;
  const std::int64_t start = std::int64_t{rest / strips} * pool.height * pool.width;
  const __half* src = static_cast<const __half*>(pool.src) + start * pool.src_stride + word * 8;
  __half* dst = static_cast<__half*>(pool.dst) + start * pool.dst_stride + word * 8;

  const auto column = [&](int x, uint4(&maxima)[kPoolRows]) {
    uint4 rows[kPoolRows + 2];
#pragma unroll
    for (int r = 0; r < kPoolRows + 2; ++r) {
      const int y = first_y - 1 + r;
      rows[r] = lowest_half8();
      if (x >= 0 && x < pool.width && y >= 0 && y < pool.height)
        rows[r] = __ldcg(reinterpret_cast<const uint4*>(src + std::int64_t{y * pool.width + x} *
                                                                  pool.src_stride));
    }
#pragma unroll
    for (int r = 0; r < kPoolRows; ++r)
      maxima[r] = max_half8(max_half8(rows[r], rows[r + 1]), rows[r + 2]);
  };
  uint4 left[kPoolRows];
  uint4 middle[kPoolRows];
  column(first_x - 1, left);
  column(first_x, middle);
  for (int x = first_x; x < min(first_x + kPoolColumns, pool.width); ++x) {
    uint4 right[kPoolRows];
    column(x + 1, right);
#pragma unroll
    for (int r = 0; r < kPoolRows; ++r) {
      const int y = first_y + r;
      if (y < pool.height)
        *reinterpret_cast<uint4*>(dst + std::int64_t{y * pool.width + x} * pool.dst_stride) =
            max_half8(max_half8(left[r], middle[r]), right[r]);
      left[r] = middle[r];
      middle[r] = right[r];
    }
  }
}

template <int kBlocks>
__global__ void __launch_bounds__(kThreads, 1)
    wide_stage_kernel(const __grid_constant__ WideStage stage) {
  extern __shared__ unsigned char shared[];
  let_next_start();
  const std::uint32_t start = (shared_address(shared) + kAlign - 1) / kAlign * kAlign;
  const std::uint32_t full = start + kRingBytes / kAlign * kAlign;
  Ring ring = {.slots = start,
               .full = full,
               .empty = full + kMaxSlots * 8,
               .count = stage.ring_slots,
               .bytes = stage.slot_bytes};
  if (threadIdx.x == 0) {
    for (int i = 0; i < ring.count; ++i) {
      init_barrier(ring.full + static_cast<std::uint32_t>(i * 8), 1);
      init_barrier(ring.is_empty(i), 2);
    }
    publish_barriers();
  }
  __syncthreads();
  wait_for_previous();

  const int tiles = stage.first_tile[stage.product_count + stage.pool_count];
  if (threadIdx.x < 128) {
    KISSA_HOPPER("setmaxnreg.dec.sync.aligned.u32 24;");
    if (threadIdx.x != 0) return;
    for (int tile = static_cast<int>(blockIdx.x); tile < tiles;
         tile += static_cast<int>(gridDim.x)) {
      const int task = task_of(stage, tile);
      if (task >= stage.product_count) return;
      bring_tile<kBlocks>(stage.products[task], tile - stage.first_tile[task], ring);
    }
  } else {
    KISSA_HOPPER("setmaxnreg.inc.sync.aligned.u32 240;");
    for (int tile = static_cast<int>(blockIdx.x); tile < tiles;
         tile += static_cast<int>(gridDim.x)) {
      const int task = task_of(stage, tile);
      const int index = tile - stage.first_tile[task];
      if (task < stage.product_count)
        multiply_any<kBlocks>(stage.products[task], index, ring);
      else
        pool_piece(stage.pools[task - stage.product_count], index);
    }
  }
}

PFN_cuTensorMapEncodeIm2col_v12000 find_encoder() {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result = {};
  const cudaError_t status = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeIm2col", &found,
                                                              12000, cudaEnableDefault, &result);
  if (status != cudaSuccess || result != cudaDriverEntryPointSuccess) {
    cudaGetLastError();
    return nullptr;
  }
  return reinterpret_cast<PFN_cuTensorMapEncodeIm2col_v12000>(found);
}

PFN_cuTensorMapEncodeIm2col_v12000 encoder() {
  static const PFN_cuTensorMapEncodeIm2col_v12000 kEncoder = find_encoder();
  return kEncoder;
}

int device_attribute(cudaDeviceAttr attribute) {
  int device = 0;
  int value = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&value, attribute, device);
  return value;
}

int tiles_of(const WideProduct& product, int blocks) {
  const int rows = blocks * kWideRows;
  const int down = (product.pixel_count + rows - 1) / rows;
  return down * ((product.columns + product.tile_columns - 1) / product.tile_columns);
}

int tiles_of(const WidePool& pool) {
  return static_cast<int>((pool_items(pool) + kPoolThreads - 1) / kPoolThreads);
}

}  // namespace

bool has_wide_stage() {
  return device_attribute(cudaDevAttrComputeCapabilityMajor) == 9 && encoder() != nullptr;
}

void encode_pixels(WideProduct& product, const PixelBox& box) {
  const auto wide = [](int value) { return static_cast<cuuint64_t>(value); };
  const cuuint64_t pixel_bytes = wide(box.pixel_stride) * sizeof(__half);
  const cuuint64_t sizes[] = {wide(box.channels), wide(box.width), wide(box.height),
                              wide(box.images)};
  const cuuint64_t strides[] = {pixel_bytes, pixel_bytes * wide(box.width),
                                pixel_bytes * wide(box.width) * wide(box.height)};
  // The first tap's pixels: from -pad on, as many as there are results.
  const int lower[] = {-product.pad_x, -product.pad_y};
  const int upper[] = {(product.out_width - 1) * product.stride + 1 - product.pad_x - box.width,
                       (product.out_height - 1) * product.stride + 1 - product.pad_y - box.height};
  const auto stride = static_cast<cuuint32_t>(product.stride);
  const cuuint32_t steps[] = {1, stride, stride, 1};
  encoder()(&product.pixels, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4, const_cast<void*>(box.data), sizes,
            strides, lower, upper, 64, static_cast<cuuint32_t>(box.rows), steps,
            CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
            CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

void prepare_wide_stage() {
  for (const auto kernel : {wide_stage_kernel<1>, wide_stage_kernel<2>})
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes);
}

void launch_wide_stage(const WideStage& shape, int blocks, cudaStream_t stream) {
  WideStage stage = shape;
  int widest = 0;
  int tiles = 0;
  int task = 0;
  for (int i = 0; i < stage.product_count; ++i) {
    stage.first_tile[task++] = tiles;
    tiles += tiles_of(stage.products[i], blocks);
    widest = std::max(widest, stage.products[i].tile_columns);
  }
  for (int i = 0; i < stage.pool_count; ++i) {
    stage.first_tile[task++] = tiles;
    tiles += tiles_of(stage.pools[i]);
  }
  stage.first_tile[task] = tiles;
  stage.slot_bytes = (blocks * kWideRows + widest + 7) / 8 * 8 * kRowBytes;
  stage.ring_slots = std::min(kMaxSlots, kRingBytes / kAlign * kAlign / stage.slot_bytes);
  const int grid = std::min(tiles, device_attribute(cudaDevAttrMultiProcessorCount));
  launch_early(blocks == 2 ? wide_stage_kernel<2> : wide_stage_kernel<1>, stage,
               dim3(static_cast<unsigned>(grid)), kThreads, kSharedBytes, stream);
}

}  // namespace kissa::cuda
