// A wide stage's products: wide_stage.cuh tells how.
#pragma once

#include "backends/cuda/kernels/wide_ring.cuh"

namespace kissa::cuda {

struct Tile {
  int first_pixel;
  int first_column;
};

template <int kBlocks>
__device__ Tile tile_of(const WideProduct& product, int index) {
  const int across = (product.columns + product.tile_columns - 1) / product.tile_columns;
  return {index / across * kBlocks * kWideRows, index % across * product.tile_columns};
}

template <class T, int kBlocks>
__device__ void bring_tile(const WideProduct& product, int index, Ring& ring) {
  const Tile tile = tile_of<kBlocks>(product, index);
  const int plane = product.out_height * product.out_width;
  const int image = tile.first_pixel / plane;
  const int rest = tile.first_pixel - image * plane;
  const int row = rest / product.out_width;
  const int y = row * product.stride - product.pad_y;
  const int x = (rest - row * product.out_width) * product.stride - product.pad_x;
  constexpr int kPixelBytes = kBlocks * kWideRows * kRowBytes;
  constexpr int kWeights = kWideWeights<T>;
  const int weight_bytes = kWeights * product.tile_columns * kRowBytes;
  const auto* weight = static_cast<const unsigned char*>(product.weight) +
                       std::int64_t{tile.first_column} * kWeights * kRowBytes * product.taps_y *
                           product.taps_x * product.chunks;
  for (int tap_y = 0; tap_y < product.taps_y; ++tap_y) {
    for (int tap_x = 0; tap_x < product.taps_x; ++tap_x) {
      for (int chunk = 0; chunk < product.chunks; ++chunk) {
        wait_for(ring.is_empty(ring.slot), ring.parity ^ 1);
        arrive_expecting(ring.is_full(), kPixelBytes + weight_bytes);
        copy_pixels(ring.data(), &product.pixels, chunk * kRowBytes / int{sizeof(T)}, x, y, image,
                    tap_x * product.dilation, tap_y * product.dilation, ring.is_full());
        bulk_copy(ring.data() + kPixelBytes, weight, weight_bytes, ring.is_full());
        weight += weight_bytes;
        ring.advance();
      }
    }
  }
}

// One step: kParts times 32 bytes of channels.
template <class T, int kBlocks, int kColumns, int kParts>
__device__ __forceinline__ void multiply_step(float (&sums)[kBlocks][kColumns / 2],
                                              std::uint64_t pixels, std::uint64_t weights) {
  begin_products();
#pragma unroll
  for (int part = 0; part < kParts; ++part)
#pragma unroll
    for (int block = 0; block < kBlocks; ++block)
      multiply_tiles<T, kColumns>(sums[block], pixels + block * kNextRows + part * kNextProduct,
                                  weights + part * kNextProduct);
  commit_products();
}

// Where a thread stores its columns of a tile: of one segment, or of several.
template <class T>
class Destination {
 public:
  __device__ Destination(const WideProduct& product, int pixel) : product_(product), pixel_(pixel) {
    if (product.segment_count > 1) return;
    const WideSegment& only = product.segments[0];
    first_ = static_cast<T*>(only.dst) + std::int64_t{pixel} * only.dst_stride;
    next_rows_ = std::int64_t{8} * only.dst_stride;
  }
  // The address of a column of the pixel, and of the pixel 8 rows on.
  __device__ T* at(int column) const {
    return first_ != nullptr ? first_ + column : in_segment(column, pixel_);
  }
  __device__ T* below(int column) const {
    return first_ != nullptr ? first_ + next_rows_ + column : in_segment(column, pixel_ + 8);
  }

 private:
  __device__ T* in_segment(int column, std::int64_t pixel) const {
    int i = 0;
    while (i + 1 < product_.segment_count && column >= product_.segments[i + 1].first) ++i;
    const WideSegment& segment = product_.segments[i];
    return static_cast<T*>(segment.dst) + pixel * segment.dst_stride + column - segment.first;
  }

  const WideProduct& product_;
  int pixel_;
  T* first_ = nullptr;
  std::int64_t next_rows_ = 0;
};

struct Limits {
  float low, high;
  __device__ float2 operator()(float a, float b) const {
    return make_float2(fminf(fmaxf(a, low), high), fminf(fmaxf(b, low), high));
  }
};

__device__ inline std::uint32_t half_pair(const float2& values) {
  const __half2 pair = __floats2half2_rn(values.x, values.y);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}

template <class T>
__device__ void store_pair(T* to, const float2& values) {
  if constexpr (kIsHalf<T>)
    *reinterpret_cast<std::uint32_t*>(to) = half_pair(values);
  else
    *reinterpret_cast<float2*>(to) =
        make_float2(to_float(to_element<T>(values.x)), to_float(to_element<T>(values.y)));
}

// The sums start with the bias: its loads wait for each other nowhere.
template <int kBlocks, int kColumns>
__device__ __forceinline__ void start_sums(const WideProduct& product, int first_column,
                                           float (&sums)[kBlocks][kColumns / 2]) {
  const float* bias = product.bias + first_column + threadIdx.x % 4 * 2;
#pragma unroll
  for (int at = 0; at < kColumns / 8; ++at) {
    const float2 pair = __ldg(reinterpret_cast<const float2*>(bias + at * 8));
#pragma unroll
    for (int block = 0; block < kBlocks; ++block) {
      sums[block][at * 4] = sums[block][at * 4 + 2] = pair.x;
      sums[block][at * 4 + 1] = sums[block][at * 4 + 3] = pair.y;
    }
  }
}

// Stores 64 pixels of a warpgroup.
template <class T, int kColumns>
__device__ __forceinline__ void store_rows(const WideProduct& product,
                                           const float (&sums)[kColumns / 2], int first_pixel,
                                           int first_column) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int quad = lane % 4;
  const int pixel = first_pixel + static_cast<int>(threadIdx.x) / 32 % 4 * 16 + lane / 4;
  const bool has_low = pixel < product.pixel_count;
  const bool has_high = pixel + 8 < product.pixel_count;
  const int columns = product.columns;
  const Limits limits = {product.low, product.high};
  const Destination<T> to(product, pixel);
#pragma unroll
  for (int group = 0; group < (kIsHalf<T> ? kColumns / 32 : 0); ++group) {
    std::uint32_t low[4];
    std::uint32_t high[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int at = (group * 4 + i) * 4;
      low[i] = half_pair(limits(sums[at], sums[at + 1]));
      high[i] = half_pair(limits(sums[at + 2], sums[at + 3]));
    }
    transpose_quad(low, quad);
    transpose_quad(high, quad);
    const int column = first_column + group * 32 + quad * 8;
    if (column >= columns) continue;
    if (has_low)
      *reinterpret_cast<uint4*>(to.at(column)) = make_uint4(low[0], low[1], low[2], low[3]);
    if (has_high)
      *reinterpret_cast<uint4*>(to.below(column)) = make_uint4(high[0], high[1], high[2], high[3]);
  }
#pragma unroll
  for (int at = kIsHalf<T> ? kColumns / 32 * 4 : 0; at < kColumns / 8; ++at) {
    const int column = first_column + at * 8 + quad * 2;
    if (column >= columns) continue;
    if (has_low) store_pair(to.at(column), limits(sums[at * 4], sums[at * 4 + 1]));
    if (has_high) store_pair(to.below(column), limits(sums[at * 4 + 2], sums[at * 4 + 3]));
  }
}

template <class T, int kBlocks, int kColumns>
__device__ __forceinline__ void multiply_tile(const WideProduct& product, const Tile& tile,
                                              Ring& ring) {
  const int group = static_cast<int>(threadIdx.x) / 128 - 1;
  const bool is_first = threadIdx.x % 128 == 0;
  const int steps = product.taps_y * product.taps_x * product.chunks;
  float sums[kBlocks][kColumns / 2];
  start_sums<kBlocks, kColumns>(product, tile.first_column, sums);
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
      multiply_step<T, kBlocks, kColumns, 4>(sums, pixels, weights);
    else if (parts == 3)
      multiply_step<T, kBlocks, kColumns, 3>(sums, pixels, weights);
    else if (parts == 2)
      multiply_step<T, kBlocks, kColumns, 2>(sums, pixels, weights);
    else
      multiply_step<T, kBlocks, kColumns, 1>(sums, pixels, weights);
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
    store_rows<T, kColumns>(product, sums[block], tile.first_pixel + (group * kBlocks + block) * 64,
                            tile.first_column);
}

// kParts times 8 floats of 64 pixels from shared memory times the weights' halves.
template <int kColumns, int kParts>
__device__ __forceinline__ void multiply_split(float (&sums)[kColumns / 2], std::uint32_t pixels,
                                               std::uint64_t high_weights,
                                               std::uint64_t low_weights) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int row = static_cast<int>(threadIdx.x) / 32 % 4 * 16 + lane % 16;
  uint4 high[kParts];
  uint4 low[kParts];
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
    const int word = (part * 2 + lane / 16) ^ row % 8;
    const uint4 a = load_tiles(pixels + static_cast<std::uint32_t>(row * kRowBytes + word * 16));
    const Halves x = split(a.x), y = split(a.y), z = split(a.z), w = split(a.w);
    high[part] = make_uint4(x.high, y.high, z.high, w.high);
    low[part] = make_uint4(x.low, y.low, z.low, w.low);
  }
  begin_products();
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
    multiply_rows<kColumns>(sums, low[part], high_weights + part * kNextProduct, part > 0);
    multiply_rows<kColumns>(sums, high[part], low_weights + part * kNextProduct, true);
    multiply_rows<kColumns>(sums, high[part], high_weights + part * kNextProduct, true);
  }
  commit_products();
}

// As multiply_tile, of floats and 128 pixels.
template <int kColumns>
__device__ __forceinline__ void multiply_split_tile(const WideProduct& product, const Tile& tile,
                                                    Ring& ring) {
  const int group = static_cast<int>(threadIdx.x) / 128 - 1;
  const int steps = product.taps_y * product.taps_x * product.chunks;
  float all_sums[1][kColumns / 2];
  start_sums<1, kColumns>(product, tile.first_column, all_sums);
  float(&sums)[kColumns / 2] = all_sums[0];
  float step_sums[kColumns / 2] = {};
  int chunk = 0;
  for (int step = 0; step < steps; ++step) {
    wait_for(ring.is_full(), ring.parity);
    const std::uint32_t pixels = ring.data() + static_cast<std::uint32_t>(group * 64 * kRowBytes);
    const std::uint32_t weights = ring.data() + static_cast<std::uint32_t>(kWideRows * kRowBytes);
    const std::uint64_t high = tile_descriptor(weights);
    const std::uint64_t low = tile_descriptor(weights + kColumns * kRowBytes);
    int parts = 4;
    if (++chunk == product.chunks) {
      chunk = 0;
      parts = product.last_parts;
    }
    if (parts == 4)
      multiply_split<kColumns, 4>(step_sums, pixels, high, low);
    else
      multiply_split<kColumns, 2>(step_sums, pixels, high, low);
    wait_for_products<0>();
    settle(step_sums);
    if (threadIdx.x % 32 == 0) arrive(ring.is_empty(ring.slot));
    ring.advance();
#pragma unroll
    for (int i = 0; i < kColumns / 2; ++i) sums[i] += step_sums[i];
  }
  store_rows<float, kColumns>(product, sums, tile.first_pixel + group * 64, tile.first_column);
}

// kColumns: of all tiles; 0 where they differ.
template <class T, int kBlocks, int kColumns>
__device__ __forceinline__ void multiply_any(const WideProduct& product, int index, Ring& ring) {
  const Tile tile = tile_of<kBlocks>(product, index);
  if constexpr (kColumns > 0) {
    multiply_split_tile<kColumns>(product, tile, ring);
  } else {
    switch (product.tile_columns) {
      case 32: return multiply_tile<T, kBlocks, 32>(product, tile, ring);
      case 48: return multiply_tile<T, kBlocks, 48>(product, tile, ring);
      case 64: return multiply_tile<T, kBlocks, 64>(product, tile, ring);
      case 96: return multiply_tile<T, kBlocks, 96>(product, tile, ring);
      case 112: return multiply_tile<T, kBlocks, 112>(product, tile, ring);
      case 128: return multiply_tile<T, kBlocks, 128>(product, tile, ring);
      case 144: return multiply_tile<T, kBlocks, 144>(product, tile, ring);
      case 160: return multiply_tile<T, kBlocks, 160>(product, tile, ring);
      case 176: return multiply_tile<T, kBlocks, 176>(product, tile, ring);
      default: return multiply_tile<T, kBlocks, 192>(product, tile, ring);
    }
  }
}

}  // namespace kissa::cuda
