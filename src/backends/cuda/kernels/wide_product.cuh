// A wide stage's products: wide_stage.cuh tells how.
#pragma once

#include "backends/cuda/kernels/wide_ring.cuh"

namespace kissa::cuda {

struct Quotient {
  int quotient, rest;
};

__device__ inline Quotient divide(int n, const Divisor& divisor) {
  const auto quotient = static_cast<int>(__umulhi(static_cast<unsigned>(n), divisor.reciprocal));
  const int rest = n - quotient * divisor.by;
  return rest < divisor.by ? Quotient{quotient, rest} : Quotient{quotient + 1, rest - divisor.by};
}

struct Tile {
  int first_place;  // among the boxes
  int across;       // which of the columns' tiles
  int first_column;
};

template <int kBlocks>
__device__ Tile tile_of(const WideProduct& product, int index) {
  const int count = (product.columns + product.tile_columns - 1) / product.tile_columns;
  const int across = index % count;
  return {index / count * kBlocks * kWideRows, across, across * product.tile_columns};
}

// 32 bytes of channels of a chunk.
__device__ inline int parts_of(const WideProduct& product, int chunk) {
  return chunk + 1 == product.chunks ? product.last_parts : kStepParts;
}

__device__ inline std::uint32_t bias_of(const Ring& weights) {
  return weights.data() + static_cast<std::uint32_t>(weights.bytes - kBiasBytes);
}

template <class T, int kBlocks>
__device__ void bring_tile(const WideProduct& product, int index, Rings& rings) {
  const Tile tile = tile_of<kBlocks>(product, index);
  const Quotient image = divide(tile.first_place, product.box_image);
  const Quotient row = divide(image.rest, product.box_width);
  const int y = row.quotient * product.stride - product.pad_y;
  const int x = row.rest * product.stride - product.pad_x;
  const int taps = product.taps_y * product.taps_x;
  const int weight_bytes = kWideWeights<T> * product.tile_columns * kRowBytes;
  const auto* weight = static_cast<const unsigned char*>(product.weight) +
                       std::int64_t{tile.across} * product.steps * weight_bytes;
  int bias_bytes = product.tile_columns * 4;  // of the first step
  for (int chunk = 0; chunk < product.chunks; ++chunk) {
    for (int tap = 0; tap < taps; tap += product.box_taps) {
      const std::uint32_t has_pixels = rings.pixels.bring(product.box_rows * kRowBytes);
      copy_pixels(rings.pixels.data(), &product.pixels, chunk * kRowBytes / int{sizeof(T)}, x, y,
                  image.quotient, tap % product.taps_x * product.dilation,
                  tap / product.taps_x * product.dilation, has_pixels);
      rings.pixels.advance();
      for (int left = product.box_taps * parts_of(product, chunk); left > 0; left -= kStepParts) {
        const std::uint32_t has_weights = rings.weights.bring(weight_bytes + bias_bytes);
        bulk_copy(rings.weights.data(), weight, weight_bytes, has_weights);
        if (bias_bytes > 0)
          bulk_copy(bias_of(rings.weights), product.bias + tile.first_column, bias_bytes,
                    has_weights);
        bias_bytes = 0;
        rings.weights.advance();
        weight += weight_bytes;
      }
    }
  }
}

// The way through a box: 32 bytes of channels after 32 bytes, tap after tap.
class Walk {
 public:
  __device__ Walk(const WideProduct& product, int parts)
      : product_(product), parts_(parts), left_(product.box_taps * parts) {}
  __device__ int left() const { return left_; }  // parts
  __device__ int row() const { return row_; }    // of the box: the tap
  __device__ int part() const { return part_; }  // of the row
  __device__ void next() {
    --left_;
    if (++part_ < parts_) return;
    part_ = 0;
    row_ += product_.dilation;
    if (++tap_x_ < product_.taps_x) return;
    tap_x_ = 0;
    row_ += (product_.box_width.by - product_.taps_x) * product_.dilation;
  }

 private:
  const WideProduct& product_;
  int parts_;
  int left_;
  int row_ = 0;
  int part_ = 0;
  int tap_x_ = 0;
};

// One step of up to kStepParts.
template <class T, int kBlocks, int kColumns, int kParts>
__device__ __forceinline__ void multiply_step(float (&sums)[kBlocks][kColumns / 2],
                                              std::uint64_t pixels, std::uint64_t weights,
                                              Walk& walk) {
  std::uint64_t at[kParts];
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
    at[part] = pixels + walk.row() * kNextRow + walk.part() * kNextProduct;
    walk.next();
  }
  begin_products();
#pragma unroll
  for (int part = 0; part < kParts; ++part)
#pragma unroll
    for (int block = 0; block < kBlocks; ++block)
      multiply_tiles<T, kColumns>(sums[block], at[part] + block * 64 * kNextRow,
                                  weights + part * kNextProduct);
  commit_products();
}

// The pixel of the result at a place among the boxes; -1: none.
__device__ inline int pixel_at(const WideProduct& product, int place) {
  const Quotient image = divide(place, product.box_image);
  const Quotient row = divide(image.rest, product.box_width);
  if (image.quotient >= product.images || row.quotient >= product.out_height ||
      row.rest >= product.out_width)
    return -1;
  return (image.quotient * product.out_height + row.quotient) * product.out_width + row.rest;
}

// The sums start with the bias, which lies behind the weights of the first step.
template <int kBlocks, int kColumns>
__device__ __forceinline__ void start_sums(std::uint32_t bias,
                                           float (&sums)[kBlocks][kColumns / 2]) {
#pragma unroll
  for (int at = 0; at < kColumns / 8; ++at) {
    const float2 pair = load_pair(bias + static_cast<std::uint32_t>(at * 32) + threadIdx.x % 4 * 8);
#pragma unroll
    for (int block = 0; block < kBlocks; ++block) {
      sums[block][at * 4] = sums[block][at * 4 + 2] = pair.x;
      sums[block][at * 4 + 1] = sums[block][at * 4 + 3] = pair.y;
    }
  }
}

// Columns of a row of 128 bytes.
template <class T>
inline constexpr int kOfRow = kRowBytes / int{sizeof(T)};

inline constexpr std::uint32_t kNoPixel = ~0u;

// Where a row's 16-byte words lie in a stage, as in a ring's. Another word of the row differs by an
// exclusive or of the address.
__device__ inline std::uint32_t word_of(std::uint32_t stage, int row, int word) {
  return stage + static_cast<std::uint32_t>(row * kRowBytes + (word ^ row % 8) * 16);
}

// Results of 16 pixels of a warp, from column kFirst on, clipped and rounded, to its stage.
template <class T, int kFirst, int kColumns>
__device__ __forceinline__ void fill_stage(std::uint32_t stage, const WideProduct& product,
                                           const float (&sums)[kColumns / 2]) {
  constexpr int kLeft = kColumns - kFirst;
  constexpr int kCount = kLeft < kOfRow<T> ? kLeft : kOfRow<T>;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if constexpr (kIsHalf<T>) {
    const std::uint32_t own = word_of(stage, lane % 16, lane / 16);
    const __half2 low = __float2half2_rn(product.low);
    const __half2 high = __float2half2_rn(product.high);
#pragma unroll
    for (int first = 0; first < kCount; first += 16) {
      __half2 pairs[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = (kFirst + first) / 2 + i * 2;
        pairs[i] = __hmin2(__hmax2(__floats2half2_rn(sums[at], sums[at + 1]), low), high);
      }
      store_tiles(own ^ static_cast<std::uint32_t>(first / 8 * 16),
                  reinterpret_cast<const std::uint32_t(&)[4]>(pairs));
    }
  } else {
    const std::uint32_t own =
        word_of(stage, lane / 4, lane % 4 / 2) + static_cast<std::uint32_t>(lane % 2 * 8);
    const auto finish = [&](float x) {
      return to_float(to_element<T>(fminf(fmaxf(x, product.low), product.high)));
    };
#pragma unroll
    for (int first = 0; first < kCount; first += 8) {
      const int at = (kFirst + first) / 2;
      const std::uint32_t to = own ^ static_cast<std::uint32_t>(first / 4 * 16);
      store_shared(to, finish(sums[at]), finish(sums[at + 1]));
      store_shared(to + 8 * kRowBytes, finish(sums[at + 2]), finish(sums[at + 3]));
    }
  }
}

// Stores 64 pixels of a warpgroup, each warp its 16 by way of its stage: whole lines at a time.
template <class T, int kColumns, int kRow = 0>
__device__ __forceinline__ void store_rows(const WideProduct& product, const Rings& rings,
                                           const float (&sums)[kColumns / 2], const uint4& pixels) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  fill_stage<T, kRow * kOfRow<T>, kColumns>(rings.stage, product, sums);
  __syncwarp();
  const uint4 outlet = load_shared(rings.directory.outlet(kRow * kRowWords + lane % kRowWords));
  const std::uint32_t own = word_of(rings.stage, lane / 8, lane % 8);
  uint4 words[4];
#pragma unroll
  for (int r = 0; r < 4; ++r)
    words[r] = load_shared((own ^ static_cast<std::uint32_t>(r % 2 * 64)) +
                           static_cast<std::uint32_t>(r * 4 * kRowBytes));
  __syncwarp();
  const std::uint64_t dst = std::uint64_t{outlet.y} << 32 | outlet.x;
  const std::uint32_t of_row[4] = {pixels.x, pixels.y, pixels.z, pixels.w};
#pragma unroll
  for (int r = 0; r < 4; ++r)
    store_global(dst + std::uint64_t{of_row[r]} * outlet.z, words[r],
                 of_row[r] != kNoPixel && dst != 0);
  if constexpr ((kRow + 1) * kOfRow<T> < kColumns)
    store_rows<T, kColumns, kRow + 1>(product, rings, sums, pixels);
}

template <class T, int kBlocks, int kColumns>
__device__ __forceinline__ void store_tile(const WideProduct& product,
                                           const float (&sums)[kBlocks][kColumns / 2],
                                           Rings& rings) {
  const int warp = static_cast<int>(threadIdx.x) / 32 - 4;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  wait_for(rings.directory.is_full(), rings.directory.parity);
#pragma unroll
  for (int block = 0; block < kBlocks; ++block) {
    const int rows = (warp / 4 * kBlocks + block) * 4 + warp % 4;
    store_rows<T, kColumns>(product, rings, sums[block],
                            load_shared(rings.directory.pixels(rows, lane / 8)));
  }
  __syncwarp();
  if (lane == 0) arrive(rings.directory.is_empty());
  rings.directory.advance();
}

// Where a word of a tile's columns goes: pixel 0's address, null: nowhere; bytes from one pixel to
// the next.
template <class T>
__device__ uint4 outlet_of(const WideProduct& product, const Tile& tile, int word) {
  const int column = tile.first_column + word * kOfWord<T>;
  if (word * kOfWord<T> >= product.tile_columns || column >= product.columns) return {};
  int i = product.segment_count - 1;
  while (column < product.segments[i].first) --i;
  const WideSegment& segment = product.segments[i];
  const auto dst =
      reinterpret_cast<std::uint64_t>(static_cast<T*>(segment.dst) + column - segment.first);
  return {static_cast<std::uint32_t>(dst), static_cast<std::uint32_t>(dst >> 32),
          static_cast<std::uint32_t>(segment.dst_stride * int{sizeof(T)}), 0};
}

// The scouts' part of a tile: where its results go, while others multiply.
template <class T, int kBlocks>
__device__ void scout_tile(const WideProduct& product, int index, Directory& directory) {
  const Tile tile = tile_of<kBlocks>(product, index);
  const int scout = static_cast<int>(threadIdx.x) - 32;
  wait_for(directory.is_empty(), directory.parity ^ 1);
  for (int row = scout; row < kBlocks * kWideRows; row += kScouts * 32) {
    const std::uint32_t at =
        directory.pixels(row / 16, row % 4) + static_cast<std::uint32_t>(row % 16 / 4 * 4);
    store_shared(at, static_cast<std::uint32_t>(pixel_at(product, tile.first_place + row)));
  }
  if (scout < kOutlets) store_shared(directory.outlet(scout), outlet_of<T>(product, tile, scout));
  __syncwarp();
  if (threadIdx.x % 32 == 0) arrive(directory.is_full());
  directory.advance();
}

template <class T, int kBlocks, int kColumns>
__device__ __forceinline__ void multiply_tile(const WideProduct& product, Rings& rings) {
  const int group = static_cast<int>(threadIdx.x) / 128 - 1;
  const bool is_first = threadIdx.x % 128 == 0;
  const int taps = product.taps_y * product.taps_x;
  float sums[kBlocks][kColumns / 2];
  wait_for(rings.weights.is_full(), rings.weights.parity);
  start_sums<kBlocks, kColumns>(bias_of(rings.weights), sums);
  // The slots that the products on their way read.
  int weights_read = -1;
  int pixels_read = -1;
  const auto release_read = [&] {
    if (is_first && weights_read >= 0) arrive(rings.weights.is_empty(weights_read));
    if (is_first && pixels_read >= 0) arrive(rings.pixels.is_empty(pixels_read));
    pixels_read = -1;
  };
  for (int chunk = 0; chunk < product.chunks; ++chunk) {
    for (int tap = 0; tap < taps; tap += product.box_taps) {
      wait_for(rings.pixels.is_full(), rings.pixels.parity);
      const std::uint64_t pixels = tile_descriptor(
          rings.pixels.data() + static_cast<std::uint32_t>(group * kBlocks * 64 * kRowBytes));
      for (Walk walk(product, parts_of(product, chunk)); walk.left() > 0;) {
        wait_for(rings.weights.is_full(), rings.weights.parity);
        const std::uint64_t weights = tile_descriptor(rings.weights.data());
        if (walk.left() >= 4)
          multiply_step<T, kBlocks, kColumns, 4>(sums, pixels, weights, walk);
        else if (walk.left() == 3)
          multiply_step<T, kBlocks, kColumns, 3>(sums, pixels, weights, walk);
        else if (walk.left() == 2)
          multiply_step<T, kBlocks, kColumns, 2>(sums, pixels, weights, walk);
        else
          multiply_step<T, kBlocks, kColumns, 1>(sums, pixels, weights, walk);
        wait_for_products<1>();
        release_read();
        weights_read = rings.weights.slot;
        rings.weights.advance();
      }
      pixels_read = rings.pixels.slot;
      rings.pixels.advance();
    }
  }
  wait_for_products<0>();
#pragma unroll
  for (int block = 0; block < kBlocks; ++block) settle(sums[block]);
  release_read();
  store_tile<T, kBlocks, kColumns>(product, sums, rings);
}

// kParts times 8 floats of 64 pixels from shared memory times the weights' halves.
template <int kColumns, int kParts>
__device__ __forceinline__ void multiply_split(float (&sums)[kColumns / 2], std::uint32_t pixels,
                                               std::uint64_t high_weights,
                                               std::uint64_t low_weights, Walk& walk) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int own_row = (static_cast<int>(threadIdx.x) / 32 - 4) * 16 + lane % 16;
  uint4 high[kParts];
  uint4 low[kParts];
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
    const int row = own_row + walk.row();
    const int word = (walk.part() * 2 + lane / 16) ^ row % 8;
    const uint4 a = load_tiles(pixels + static_cast<std::uint32_t>(row * kRowBytes + word * 16));
    const Halves x = split(a.x), y = split(a.y), z = split(a.z), w = split(a.w);
    high[part] = make_uint4(x.high, y.high, z.high, w.high);
    low[part] = make_uint4(x.low, y.low, z.low, w.low);
    walk.next();
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
__device__ __forceinline__ void multiply_split_tile(const WideProduct& product, Rings& rings) {
  const bool is_first = threadIdx.x % 32 == 0;
  const int taps = product.taps_y * product.taps_x;
  float all_sums[1][kColumns / 2];
  wait_for(rings.weights.is_full(), rings.weights.parity);
  start_sums<1, kColumns>(bias_of(rings.weights), all_sums);
  float(&sums)[kColumns / 2] = all_sums[0];
  float step_sums[kColumns / 2] = {};
  for (int chunk = 0; chunk < product.chunks; ++chunk) {
    for (int tap = 0; tap < taps; tap += product.box_taps) {
      wait_for(rings.pixels.is_full(), rings.pixels.parity);
      const std::uint32_t pixels = rings.pixels.data();
      for (Walk walk(product, parts_of(product, chunk)); walk.left() > 0;) {
        wait_for(rings.weights.is_full(), rings.weights.parity);
        const std::uint32_t weights = rings.weights.data();
        const std::uint64_t high = tile_descriptor(weights);
        const std::uint64_t low = tile_descriptor(weights + kColumns * kRowBytes);
        if (walk.left() >= 4)
          multiply_split<kColumns, 4>(step_sums, pixels, high, low, walk);
        else
          multiply_split<kColumns, 2>(step_sums, pixels, high, low, walk);
        wait_for_products<0>();
        settle(step_sums);
        if (is_first) arrive(rings.weights.is_empty(rings.weights.slot));
        rings.weights.advance();
#pragma unroll
        for (int i = 0; i < kColumns / 2; ++i) sums[i] += step_sums[i];
      }
      if (is_first) arrive(rings.pixels.is_empty(rings.pixels.slot));
      rings.pixels.advance();
    }
  }
  store_tile<float, 1, kColumns>(product, all_sums, rings);
}

// kColumns: of all tiles; 0 where they differ.
template <class T, int kBlocks, int kColumns>
__device__ __forceinline__ void multiply_any(const WideProduct& product, Rings& rings) {
  if constexpr (kColumns > 0) {
    multiply_split_tile<kColumns>(product, rings);
  } else {
    switch (product.tile_columns) {
      case 32: return multiply_tile<T, kBlocks, 32>(product, rings);
      case 48: return multiply_tile<T, kBlocks, 48>(product, rings);
      case 64: return multiply_tile<T, kBlocks, 64>(product, rings);
      case 96: return multiply_tile<T, kBlocks, 96>(product, rings);
      case 112: return multiply_tile<T, kBlocks, 112>(product, rings);
      case 128: return multiply_tile<T, kBlocks, 128>(product, rings);
      case 144: return multiply_tile<T, kBlocks, 144>(product, rings);
      case 160: return multiply_tile<T, kBlocks, 160>(product, rings);
      case 176: return multiply_tile<T, kBlocks, 176>(product, rings);
      default: return multiply_tile<T, kBlocks, 192>(product, rings);
    }
  }
}

}  // namespace kissa::cuda
