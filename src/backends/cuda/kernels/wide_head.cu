// A network's head for many images: the first convolution, pool, LRN and 1 x 1 convolution row by
// row on Hopper's wgmma, nothing between them in memory.
//
//   producers: a warp for each consumer reads two image rows at a time and stores them as pixels of
//     four elements, zeros around the image: slot of a ring in shared memory
//   consumers: three warpgroups, each on a strip of result rows of its own:
//     sums (64 channels x 112 pixels) = weights x pixels: wgmma reads the overlapping windows of a
//       stride of 2 where they lie. It wants 8 neighbouring windows 16 bytes apart: two pixels of
//       halves, or one of floats, of which those at even and at odd places lie apart
//     vertical maxima of three such rows in registers, horizontal ones by shuffles, LRN through a
//       tile in shared memory, from which the second product (56 pixels x 64 channels) reads
//
//   shared: first weights | second weights | tiles [3] (all in rows of 128 bytes, swizzled) |
//     rings [3][slots][2 rows][232 pixels][4] | barriers
#include "backends/cuda/kernels/head.h"

#include <algorithm>

#include "backends/cuda/kernels/hopper.cuh"
#include "backends/cuda/kernels/lrn.cuh"
#include "backends/cuda/kernels/wide_stage.h"

namespace kissa::cuda {
namespace {

constexpr int kGroups = 3;  // of consumers
constexpr int kThreads = 128 * (kGroups + 1);
constexpr int kColumns = kWideHeadColumns;
constexpr int kOutColumns = kColumns / 2;
constexpr int kWindowElements = 32;           // of a row of the filter: 8 columns of 4 channels
constexpr int kRowPixels = 2 * kColumns + 8;  // that its windows reach over
constexpr int kPixelsEach = (kRowPixels + 31) / 32;  // of a producer's lane and row

// Where things lie in shared memory, with elements T.
template <class T>
struct Layout {
  static constexpr int kPixelBytes = 4 * sizeof(T);
  static constexpr int kRowBytes = kRowPixels * kPixelBytes;
  static constexpr int kSlots = kIsHalf<T> ? 8 : 5;  // 4 of them are read at a time
  static constexpr int kSlotBytes = 2 * kRowBytes;
  static constexpr int kRingBytes = kSlots * kSlotBytes;
  static constexpr int kWidths = kHeadOutputs * int{sizeof(T)} / 128;  // 64 channels in rows of 128
  static constexpr int kFirstBytes = wide_head_tiles(kNumber<T>) * kHeadOutputs * 128;
  static constexpr int kSecondBytes = kWidths * kHeadOutputs * 128;
  // wgmma's rows behind the last pixel are what follows: nobody looks at what becomes of them.
  static constexpr int kTileWidthBytes = kOutColumns * 128;
  static constexpr int kTileBytes = kWidths * kTileWidthBytes;
  static constexpr int kSecondAt = kFirstBytes;
  static constexpr int kTilesAt = kSecondAt + kSecondBytes;
  static constexpr int kRingsAt = kTilesAt + kGroups * kTileBytes;
  static constexpr int kBarriersAt = kRingsAt + kGroups * kRingBytes;
  static constexpr int kSharedBytes = 1024 + kBarriersAt + kGroups * 2 * kSlots * 8;
  static_assert(kSharedBytes <= 227 * 1024 && kTilesAt % 1024 == 0 && kTileWidthBytes % 1024 == 0);

  // Of a pixel, from the start of its row on.
  __device__ static int pixel_offset(int pixel) {
    if constexpr (kIsHalf<T>) return pixel * kPixelBytes;
    return pixel % 2 * (kRowBytes / 2) + pixel / 2 * kPixelBytes;
  }
  // Of a word of a tile's pixel.
  __device__ static std::uint32_t tile_offset(int pixel, int word) {
    return static_cast<std::uint32_t>(word / 8 * kTileWidthBytes + pixel * 128 +
                                      ((word % 8 ^ pixel % 8) * 16));
  }
};

// Two neighbouring pixels of a channel.
template <class T>
using Pair = std::conditional_t<kIsHalf<T>, __half2, float2>;
template <class T>
__device__ Pair<T> to_pair(float a, float b) {
  if constexpr (kIsHalf<T>)
    return __floats2half2_rn(a, b);
  else
    return make_float2(a, b);
}
__device__ __forceinline__ __half2 larger(const __half2& a, const __half2& b) {
  return __hmax2(a, b);
}
__device__ __forceinline__ float2 larger(const float2& a, const float2& b) {
  return make_float2(fmaxf(a.x, b.x), fmaxf(a.y, b.y));
}
__device__ __forceinline__ __half larger(__half a, __half b) { return __hmax(a, b); }
__device__ __forceinline__ float larger(float a, float b) { return fmaxf(a, b); }

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

__host__ __device__ int strip_count(const Head& op) {
  return op.images * ((op.out_height + op.strip_rows - 1) / op.strip_rows);
}

// Where a consumer's ring stands: the slots that have passed.
template <int kSlots>
struct Passed {
  int count = 0;
  __device__ std::uint32_t slot(int ahead) const {
    return static_cast<std::uint32_t>((count + ahead) % kSlots);
  }
  __device__ std::uint32_t parity(int ahead) const {
    return static_cast<std::uint32_t>((count + ahead) / kSlots % 2);
  }
};

template <class T>
struct Rings {
  std::uint32_t data;
  std::uint32_t barriers;  // full, then empty
  Passed<Layout<T>::kSlots> passed;
  __device__ std::uint32_t slot(int ahead) const {
    return data + passed.slot(ahead) * Layout<T>::kSlotBytes;
  }
  __device__ std::uint32_t full(int ahead) const { return barriers + passed.slot(ahead) * 8; }
  __device__ std::uint32_t empty(int ahead) const {
    return barriers + (Layout<T>::kSlots + passed.slot(ahead)) * 8;
  }
};

template <class T>
__device__ void store_pixel(std::uint32_t to, const float (&pixel)[3]) {
  if constexpr (kIsHalf<T>) {
    const __half2 low = __floats2half2_rn(pixel[0], pixel[1]);
    const __half2 high = __floats2half2_rn(pixel[2], 0.0f);
    asm volatile("st.shared.v2.b32 [%0],{%1,%2};" ::"r"(to),
                 "r"(*reinterpret_cast<const std::uint32_t*>(&low)),
                 "r"(*reinterpret_cast<const std::uint32_t*>(&high))
                 : "memory");
  } else {
    asm volatile("st.shared.v4.f32 [%0],{%1,%2,%3,%4};" ::"r"(to), "f"(round_to_tf32(pixel[0])),
                 "f"(round_to_tf32(pixel[1])), "f"(round_to_tf32(pixel[2])), "f"(0.0f)
                 : "memory");
  }
}

template <class T>
__device__ void produce(const Head& op, const Strip& strip, Rings<T>& ring) {
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
    wait_for(ring.empty(0), ring.passed.parity(0) ^ 1);
#pragma unroll
    for (int row = 0; row < 2; ++row) {
#pragma unroll
      for (int i = 0; i < kPixelsEach; ++i) {
        const int pixel = i * 32 + lane;
        if (pixel < kRowPixels)
          store_pixel<T>(ring.slot(0) + static_cast<std::uint32_t>(row * Layout<T>::kRowBytes +
                                                                   Layout<T>::pixel_offset(pixel)),
                         values[row][i]);
      }
    }
    publish_shared();
    __syncwarp();
    if (lane == 0) arrive(ring.full(0));
    ++ring.passed.count;
  }
}

// Of a row in shared memory, windows of 32 bytes that begin at every second pixel.
template <class T>
__device__ std::uint64_t window_descriptor(std::uint32_t address) {
  // The second 16 bytes: the next two pixels of halves, or the next pixel of floats.
  constexpr std::uint64_t kNextPixels = kIsHalf<T> ? 1 : Layout<T>::kRowBytes / 2 / 16;
  constexpr std::uint64_t kNextColumns = 8;
  return (address & 0x3ffff) >> 4 | kNextPixels << 16 | kNextColumns << 32;
}

// One row of the convolution: [2 j + h] are pixels 8 j + lane % 4 * 2 and the next of channel
// 16 warp + lane / 4 + 8 h.
template <class T>
__device__ __forceinline__ void convolve_row(std::uint32_t weights, const Rings<T>& ring,
                                             Pair<T> (&row)[kColumns / 4]) {
  constexpr int kParts = kWindowElements * int{sizeof(T)} / 32;  // of a filter row
  float sums[kColumns / 2] = {};
  begin_products();
#pragma unroll
  for (int r = 0; r < kHeadSide; ++r) {
    const std::uint32_t at =
        ring.slot(r / 2) + static_cast<std::uint32_t>(r % 2 * Layout<T>::kRowBytes);
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      const int step = kParts * r + part;
      const std::uint64_t a =
          tile_descriptor(weights + static_cast<std::uint32_t>(step / 4 * kHeadOutputs * 128)) +
          step % 4 * kNextProduct;
      multiply_tiles<T, kColumns>(sums, a, window_descriptor<T>(at + part * (64 / kParts)));
    }
  }
  commit_products();
  wait_for_products<0>();
  settle(sums);
#pragma unroll
  for (int i = 0; i < kColumns / 4; ++i) row[i] = to_pair<T>(sums[2 * i], sums[2 * i + 1]);
}

// The largest of pixels 2 p, 2 p + 1 and 2 p + 2 of a row, p = 4 j + lane % 4.
template <class T>
__device__ __forceinline__ auto widest(const Pair<T> (&row)[kColumns / 4], int j, int h) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const Pair<T> own = row[2 * j + h];
  const Pair<T> next = j + 1 < kColumns / 8 ? row[2 * (j + 1 < kColumns / 8 ? j + 1 : j) + h]
                                            : to_pair<T>(kLowest<T>, kLowest<T>);
  // A quad's last lane needs the first pixel of its first lane's next pixels.
  const auto given = lane % 4 == 0 ? next.x : own.x;
  const auto got = __shfl_sync(~0u, given, lane / 4 * 4 + (lane + 1) % 4);
  return larger(larger(own.x, own.y), got);
}

__device__ void sync_group(int group) {
  asm volatile("bar.sync %0,128;" ::"r"(group + 1) : "memory");
}

// Eight channels of a pixel from words that follow each other, and two of either neighbour; a
// pixel's are in 8 neighbouring lanes.
template <class T>
__device__ __forceinline__ void with_neighbours(const uint4* const (&at)[8 / kOfWord<T>],
                                                float (&x)[12]) {
  const int place = static_cast<int>(threadIdx.x) % 8;
  if constexpr (kIsHalf<T>) {
    const uint4 own = *at[0];
    std::uint32_t before = __shfl_up_sync(~0u, own.w, 1, 8);
    std::uint32_t behind = __shfl_down_sync(~0u, own.x, 1, 8);
    if (place == 0) before = 0;
    if (place == 7) behind = 0;
    const float2 low = __half22float2(*reinterpret_cast<const __half2*>(&before));
    const float2 high = __half22float2(*reinterpret_cast<const __half2*>(&behind));
    x[0] = low.x, x[1] = low.y, x[10] = high.x, x[11] = high.y;
    to_floats(own, x + 2);
  } else {
    unpack<T>(*at[0], x + 2);
    unpack<T>(*at[1], x + 6);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float before = __shfl_up_sync(~0u, x[8 + i], 1, 8);
      const float behind = __shfl_down_sync(~0u, x[2 + i], 1, 8);
      x[i] = place == 0 ? 0.0f : before;
      x[10 + i] = place == 7 ? 0.0f : behind;
    }
  }
}

// LRN across the 64 channels of the tile's pixels, in place.
template <class T>
__device__ __forceinline__ void normalize_tile(const Head& op, unsigned char* tile) {
  constexpr int kWords = 8 / kOfWord<T>;
  const int thread = static_cast<int>(threadIdx.x) % 128;
#pragma unroll
  for (int i = 0; i < (kOutColumns + 15) / 16; ++i) {
    const int pixel = i * 16 + thread / 8;
    if (i * 16 + 15 >= kOutColumns && pixel >= kOutColumns) break;  // a whole warp
    const uint4* at[kWords];
#pragma unroll
    for (int word = 0; word < kWords; ++word)
      at[word] = reinterpret_cast<const uint4*>(
          tile + Layout<T>::tile_offset(pixel, thread % 8 * kWords + word));
    float x[12];
    float y[8];
    with_neighbours<T>(at, x);
    apply_lrn<2, 8>(op.lrn, x, y);
#pragma unroll
    for (int word = 0; word < kWords; ++word)
      store_elements<kOfWord<T>>(reinterpret_cast<T*>(const_cast<uint4*>(at[word])),
                                 y + word * kOfWord<T>);
  }
}

// The second convolution of the tile's pixels: row p of the result.
template <class T>
__device__ __forceinline__ void store_row(const Head& op, std::uint32_t tile, std::uint32_t weights,
                                          std::int64_t first_pixel) {
  float sums[kHeadOutputs / 2] = {};
  begin_products();
#pragma unroll
  for (int width = 0; width < Layout<T>::kWidths; ++width) {
    const std::uint64_t a =
        tile_descriptor(tile + static_cast<std::uint32_t>(width * Layout<T>::kTileWidthBytes));
    const std::uint64_t b =
        tile_descriptor(weights + static_cast<std::uint32_t>(width * kHeadOutputs * 128));
#pragma unroll
    for (int part = 0; part < 4; ++part)
      multiply_tiles<T, kHeadOutputs>(sums, a + part * kNextProduct, b + part * kNextProduct);
  }
  commit_products();
  wait_for_products<0>();
  settle(sums);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int quad = lane % 4;
  const int pixel = static_cast<int>(threadIdx.x) / 32 % 4 * 16 + lane / 4;
  T* dst = static_cast<T*>(op.dst) + (first_pixel + pixel) * op.dst_stride;
  const auto result = [&](int at, int h, int i) {
    const float bias = __ldg(op.second_bias + at * 8 + quad * 2 + i);
    return fminf(fmaxf(sums[at * 4 + 2 * h + i] + bias, op.second_low), op.second_high);
  };
  const auto is_inside = [&](int h) { return pixel + 8 * h < op.out_width; };
  if constexpr (kIsHalf<T>) {
#pragma unroll
    for (int group = 0; group < kHeadOutputs / 32; ++group) {
      std::uint32_t words[2][4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = group * 4 + i;
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const __half2 pair = __floats2half2_rn(result(at, h, 0), result(at, h, 1));
          words[h][i] = *reinterpret_cast<const std::uint32_t*>(&pair);
        }
      }
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        transpose_quad(words[h], quad);
        if (is_inside(h))
          *reinterpret_cast<uint4*>(dst + std::int64_t{8 * h} * op.dst_stride + group * 32 +
                                    quad * 8) =
              make_uint4(words[h][0], words[h][1], words[h][2], words[h][3]);
      }
    }
  } else {
#pragma unroll
    for (int at = 0; at < kHeadOutputs / 8; ++at) {
#pragma unroll
      for (int h = 0; h < 2; ++h)
        if (is_inside(h))
          *reinterpret_cast<float2*>(dst + std::int64_t{8 * h} * op.dst_stride + at * 8 +
                                     quad * 2) =
              make_float2(round_to_tf32(result(at, h, 0)), round_to_tf32(result(at, h, 1)));
    }
  }
}

template <class T>
__device__ __forceinline__ void consume(const Head& op, const Strip& strip, int group,
                                        unsigned char* shared, Rings<T>& ring) {
  const int thread = static_cast<int>(threadIdx.x) % 128;
  const int lane = thread % 32;
  const int channel = thread / 32 * 16 + lane / 4;
  const float bias[2] = {__ldg(op.first_bias + channel), __ldg(op.first_bias + channel + 8)};
  unsigned char* tile = shared + Layout<T>::kTilesAt + group * Layout<T>::kTileBytes;
  Pair<T> maxima[kColumns / 4];
#pragma unroll
  for (Pair<T>& pair : maxima) pair = to_pair<T>(kLowest<T>, kLowest<T>);
  for (int ahead = 0; ahead < 3; ++ahead) wait_for(ring.full(ahead), ring.passed.parity(ahead));
  for (int i = 0; i < strip.conv_rows(); ++i) {
    wait_for(ring.full(3), ring.passed.parity(3));
    Pair<T> row[kColumns / 4];
    convolve_row<T>(shared_address(shared), ring, row);
    if (thread == 0) arrive(ring.empty(0));
    ++ring.passed.count;
    // Rows and columns behind the convolution's last do not count.
    if (op.conv_width < kColumns) {
#pragma unroll
      for (int k = 0; k < kColumns / 4; ++k) {
        const int pixel = k / 2 * 8 + lane % 4 * 2;
        const Pair<T> none = to_pair<T>(kLowest<T>, kLowest<T>);
        if (pixel >= op.conv_width) row[k].x = none.x;
        if (pixel + 1 >= op.conv_width) row[k].y = none.y;
      }
    }
    if (2 * strip.first_row + i < op.conv_height) {
#pragma unroll
      for (int k = 0; k < kColumns / 4; ++k) maxima[k] = larger(maxima[k], row[k]);
    }
    if (i == 0 || i % 2 != 0) continue;

    sync_group(group);  // the tile was read by all
#pragma unroll
    for (int j = 0; j < kColumns / 8; ++j) {
      const int pixel = 4 * j + lane % 4;
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const float value = to_float(widest<T>(maxima, j, h)) + bias[h];
        const int of = channel + 8 * h;
        reinterpret_cast<T*>(tile +
                             Layout<T>::tile_offset(pixel, of / kOfWord<T>))[of % kOfWord<T>] =
            to_element<T>(fminf(fmaxf(value, op.first_low), op.first_high));
      }
    }
#pragma unroll
    for (int k = 0; k < kColumns / 4; ++k) maxima[k] = row[k];
    sync_group(group);
    normalize_tile<T>(op, tile);
    publish_shared();
    sync_group(group);
    const std::int64_t out_row =
        std::int64_t{strip.image} * op.out_height + strip.first_row + i / 2 - 1;
    store_row<T>(op, shared_address(tile), shared_address(shared + Layout<T>::kSecondAt),
                 out_row * op.out_width);
  }
  if (thread == 0)
    for (int left = 0; left < 3; ++left) arrive(ring.empty(left));
  ring.passed.count += 3;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 1) wide_head_kernel(const __grid_constant__ Head op) {
  using At = Layout<T>;
  extern __shared__ unsigned char memory[];
  unsigned char* shared = memory + (1024 - shared_address(memory) % 1024) % 1024;
  const std::uint32_t start = shared_address(shared);
  const int tid = static_cast<int>(threadIdx.x);
  let_next_start();
  const auto ring_of = [&](int group) {
    return Rings<T>{
        start + static_cast<std::uint32_t>(At::kRingsAt + group * At::kRingBytes),
        start + static_cast<std::uint32_t>(At::kBarriersAt + group * 2 * At::kSlots * 8),
        {}};
  };
  const auto bring = [&](int at, const void* from, int bytes) {
    for (int i = tid; i < bytes / 16; i += kThreads)
      reinterpret_cast<uint4*>(shared + at)[i] = static_cast<const uint4*>(from)[i];
  };
  bring(0, op.first_weight, At::kFirstBytes);
  bring(At::kSecondAt, op.second_weight, At::kSecondBytes);
  publish_shared();
  if (tid == 0) {
    for (int group = 0; group < kGroups; ++group) {
      for (int i = 0; i < At::kSlots; ++i) {
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
  if (tid < 128) {
    KISSA_HOPPER("setmaxnreg.dec.sync.aligned.u32 80;");
    const int group = tid / 32;
    if (group >= kGroups) return;
    Rings<T> ring = ring_of(group);
    for (int i = static_cast<int>(blockIdx.x) * kGroups + group; i < strips; i += step)
      produce(op, strip_of(op, i), ring);
  } else {
    KISSA_HOPPER("setmaxnreg.inc.sync.aligned.u32 144;");
    const int group = tid / 128 - 1;
    Rings<T> ring = ring_of(group);
    for (int i = static_cast<int>(blockIdx.x) * kGroups + group; i < strips; i += step)
      consume(op, strip_of(op, i), group, shared, ring);
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

void prepare_wide_head(Number number) {
  const auto allow = [](auto* kernel, int bytes) {
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  };
  if (number == Number::kF16)
    allow(wide_head_kernel<__half>, Layout<__half>::kSharedBytes);
  else
    allow(wide_head_kernel<Tf32>, Layout<Tf32>::kSharedBytes);
}

void launch_wide_head(const Head& head, cudaStream_t stream) {
  Head op = head;
  op.strip_rows = best_strip(head, multiprocessors() * kGroups);
  const int blocks = std::min(multiprocessors(), (strip_count(op) + kGroups - 1) / kGroups);
  const dim3 grid(static_cast<unsigned>(blocks));
  if (op.number == Number::kF16)
    launch_early(wide_head_kernel<__half>, op, grid, kThreads, Layout<__half>::kSharedBytes,
                 stream);
  else
    launch_early(wide_head_kernel<Tf32>, op, grid, kThreads, Layout<Tf32>::kSharedBytes, stream);
}

}  // namespace kissa::cuda
