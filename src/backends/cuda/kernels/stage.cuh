// y = clip(W * x + bias), W K x C x side x side, as an implicit product of matrices on the tensor
// cores (mma.sync) with the weights as the first operand: M are output channels, N pixels of a part
// of one image or of several whole ones in row order, K = (32 bytes of channels, tap): 16 halves or
// 8 floats.
//
//   shared: step offsets | bias | pixels of the tile with their halo, each its channels and 16
//   bytes
//           (so that 8 pixels of ldmatrix lie in different banks), later the FP32 sums
//   weights: [block of 16 outputs][step][lane] 16 bytes: a lane's four registers of one mma
//
// The weights' first steps are fetched, and the first addresses found, before the wait for the
// kernel before. A block loads its activations once; then its warps walk their share of K without a
// barrier and add up through shared memory. Where warps do not share sums, the tile is large, and
// the activations come in chunks of 128 bytes a pixel, the next while the present one is
// multiplied. docs/kernels/cuda_conv.md has figures.
#pragma once

#include "backends/cuda/kernels/number.cuh"
#include "backends/cuda/kernels/stage.h"

namespace kissa::cuda {

inline constexpr int kStageThreads = 256;

// i / n for i below 2^20, `inverse` = 1 / n.
__device__ inline int divide(int i, float inverse) {
  return static_cast<int>((static_cast<float>(i) + 0.5f) * inverse);
}

// 3 x 3, stride 1: a thread takes 16 bytes of channels of two rows.
template <class T>
__device__ void pool_task(const Stage& stage, const StageTask& task, int block) {
  const int height = stage.height;
  const int width = stage.width;
  const int chunks = task.groups_in * 2;
  const std::int64_t each = std::int64_t{(height + 1) / 2} * width * chunks;
  const std::int64_t item = std::int64_t{block} * kStageThreads + threadIdx.x;
  if (item >= each * stage.images) return;
  const std::int64_t image = item / each;
  const int rest = static_cast<int>(item - image * each);
  const int chunk = rest % chunks;
  const int x = rest / chunks % width;
  const int y = rest / chunks / width * 2;
  const std::int64_t first = image * height * width;
  const T* src = static_cast<const T*>(task.src) + first * task.src_stride + chunk * kOfWord<T>;
  uint4 rows[4];
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    rows[r] = lowest_word<T>();
#pragma unroll
    for (int c = 0; c < 3; ++c) {
      const int at_y = y - 1 + r;
      const int at_x = x - 1 + c;
      if (at_y < 0 || at_y >= height || at_x < 0 || at_x >= width) continue;
      const T* from = src + std::int64_t{at_y * width + at_x} * task.src_stride;
      rows[r] = max_word<T>(rows[r], __ldcg(reinterpret_cast<const uint4*>(from)));
    }
  }
  const uint4 middle = max_word<T>(rows[1], rows[2]);
  T* dst = static_cast<T*>(task.dst) + (first + std::int64_t{y} * width + x) * task.dst_stride +
           chunk * kOfWord<T>;
  *reinterpret_cast<uint4*>(dst) = max_word<T>(rows[0], middle);
  if (y + 1 < height)
    *reinterpret_cast<uint4*>(dst + std::int64_t{width} * task.dst_stride) =
        max_word<T>(rows[3], middle);
}

// Blocks of a multiprocessor that have registers, by those of the sums and of the weights that are
// on their way.
__host__ __device__ constexpr int stage_blocks_resident(int m_each, int n_each, int ahead) {
  const int held = m_each * (4 * n_each + 8 * ahead);
  return held > 96 ? 1 : held > 48 ? 2 : 3;
}

// kAhead: pairs of steps whose weights are on their way.
template <class T, int kMEach, int kNEach, int kMWarps, int kNWarps, int kKWarps,
          int kAhead = kMEach == 1 ? 4 : 2>
__global__ void __launch_bounds__(kStageThreads, stage_blocks_resident(kMEach, kNEach, kAhead))
    stage_kernel(const __grid_constant__ Stage stage) {
  static_assert(kMWarps * kNWarps * kKWarps * 32 == kStageThreads);
  static_assert(kKWarps > 1 || kAhead == 2, "chunks end with whole rounds of fetched weights");
  constexpr int kPixels = 8 * kNEach * kNWarps;
  constexpr int kChannels = 16 * kMEach * kMWarps;
  constexpr int kSumPitch = kChannels + 4;  // floats of a pixel's sums
  extern __shared__ __align__(16) unsigned char shared[];
  let_next_start();

  const int tid = static_cast<int>(threadIdx.x);
  int index = 0;
  while (index + 1 < stage.count &&
         static_cast<int>(blockIdx.x) >= stage.tasks[index + 1].first_tile)
    ++index;
  const StageTask& task = stage.tasks[index];
  const int block = static_cast<int>(blockIdx.x) - task.first_tile;
  if (task.is_pool) {
    wait_for_previous();
    pool_task<T>(stage, task, block);
    return;
  }

  int* offsets = reinterpret_cast<int*>(shared);
  auto* bias = reinterpret_cast<float*>(shared + stage.offsets_bytes);
  unsigned char* pixels = shared + stage.offsets_bytes + kChannels * sizeof(float);

  const int width = stage.width;
  const int plane = stage.height * width;
  const int side = task.side;
  const int taps = side * side;
  const int pad = side / 2;
  const int padded_width = width + 2 * pad;
  const int pitch = task.chunk_groups * 32 + 16;  // bytes of a pixel in shared memory
  const int steps = task.groups_in * taps;
  const int tile_m = block % task.tiles_m;
  // A tile is a part of one image, or several whole images.
  const bool is_part = stage.images_each == 1;
  const int first_image = block / task.tiles_m / stage.tiles_n * stage.images_each;
  const int first_pixel = block / task.tiles_m % stage.tiles_n * kPixels;
  const int images = min(stage.images_each, stage.images - first_image);
  const int inside = is_part ? min(kPixels, plane - first_pixel) : images * plane;
  const int start = first_image * plane + first_pixel;

  const int lane = tid % 32;
  const int warp = tid / 32;
  const int warp_k = warp % kKWarps;
  const int warp_n = warp / kKWarps % kNWarps;
  const int warp_m = warp / (kKWarps * kNWarps);

  // Steps go in pairs; each of the warps that share the sum takes its part of them.
  const int pairs = (steps + 1) / 2;
  const int first_pair = warp_k * pairs / kKWarps;
  const int end_pair = (warp_k + 1) * pairs / kKWarps;
  const int block_m = (tile_m * kMWarps + warp_m) * kMEach;
  const uint4* weight =
      static_cast<const uint4*>(task.weight) + std::int64_t{block_m} * steps * 32 + lane;
  uint4 weights[kAhead][kMEach][2];
  const auto fetch = [&](int pair, uint4(&into)[kMEach][2]) {
#pragma unroll
    for (int i = 0; i < kMEach; ++i) {
      const bool is_there = block_m + i < task.blocks_out && pair < end_pair;
      const uint4* from = weight + (std::int64_t{i} * steps + 2 * pair) * 32;
      const auto load = [](const uint4* at) {
        return kNWarps > 1 ? __ldg(at) : load_weights(at);  // several warps share them through L1
      };
      const uint4 none = make_uint4(0, 0, 0, 0);
      into[i][0] = is_there ? load(from) : none;
      into[i][1] = is_there && 2 * pair + 1 < steps ? load(from + 32) : none;
    }
  };
#pragma unroll
  for (int ahead = 0; ahead < kAhead; ++ahead) fetch(first_pair + ahead, weights[ahead]);

  for (int step = tid; step < task.chunk_groups * taps; step += kStageThreads) {
    const int tap = step % taps;
    offsets[step] = (tap / side * padded_width + tap % side) * pitch + step / taps * 32;
  }
  for (int i = tid; i < kChannels; i += kStageThreads) {
    const int channel = tile_m * kChannels + i;
    bias[i] = channel < task.blocks_out * 16 ? task.bias[channel] : 0.0f;
  }

  // Where the lane's row of each group of 8 pixels starts.
  const int first_y = first_pixel / width;
  const std::uint32_t pixels_at = shared_address(pixels);
  std::uint32_t rows[kNEach];
#pragma unroll
  for (int j = 0; j < kNEach; ++j) {
    const int local = (warp_n * kNEach + j) * 8 + lane % 8;
    const int taken = min(local, inside - 1);
    const int image = is_part ? 0 : taken / plane;
    const int pixel = first_pixel + taken - image * plane;
    const int row = image * (stage.height + 2 * pad) + pixel / width - first_y;
    const int at = side == 1 ? local : row * padded_width + pixel % width;
    rows[j] = pixels_at + static_cast<std::uint32_t>(at * pitch + lane / 8 % 2 * 16);
  }

  const auto* src = static_cast<const uint4*>(task.src);
  const int pixel_words = task.src_stride / kOfWord<T>;
  const int rows_each =
      is_part ? (first_pixel + inside - 1) / width - first_y + 1 + 2 * pad : stage.height + 2 * pad;
  const float per_row = 1.0f / static_cast<float>(padded_width);
  const int staged = side == 1 ? kPixels : images * rows_each * padded_width;
  // Where the channels of one chunk come from, 16 bytes each, and go.
  struct Copy {
    std::uint32_t to;
    int from;  // words of 16 bytes; kZeros; kNothing
  };
  constexpr int kZeros = -1;
  constexpr int kNothing = -2;
  const auto copy_of_pixel = [&](int local, int word, bool is_inside, int pixel) {
    return Copy{static_cast<std::uint32_t>(local * pitch + word * 16),
                is_inside ? pixel * pixel_words + word : kZeros};
  };
  const auto copy_of_point = [&](int i, int words, float per_word) {
    const int local = divide(i, per_word);
    return copy_of_pixel(local, i - local * words, local < inside, start + local);
  };
  const auto copy_of_halo = [&](int i, int words, float per_word) {
    const int local = divide(i, per_word);
    const int row = divide(local, per_row);
    const int image = is_part ? 0 : row / rows_each;
    const int x = local - row * padded_width - pad;
    const int y = first_y + row - image * rows_each - pad;
    return copy_of_pixel(local, i - local * words,
                         x >= 0 && x < width && y >= 0 && y < stage.height,
                         (first_image + image) * plane + y * width + x);
  };
  const auto run = [&](const Copy& copy, std::uint32_t to, int first_word) {
    copy_async(to + copy.to, src + max(copy.from, 0) + first_word, copy.from >= 0);
  };
  // Brings the chunk's channels from item `first` on.
  const auto bring = [&](int chunk, int first) {
    const int first_group = chunk * task.chunk_groups;
    const int words = min(task.chunk_groups, task.groups_in - first_group) * 2;
    const float per_word = 1.0f / static_cast<float>(words);
    const std::uint32_t to = pixels_at + static_cast<std::uint32_t>(chunk % 2 * task.chunk_bytes);
    if (side == 1) {
      for (int i = first + tid; i < staged * words; i += kStageThreads)
        run(copy_of_point(i, words, per_word), to, first_group * 2);
    } else {
      for (int i = first + tid; i < staged * words; i += kStageThreads)
        run(copy_of_halo(i, words, per_word), to, first_group * 2);
    }
    commit_copies();
  };

  float sums[kMEach][kNEach][4] = {};
  // Multiplies the pairs [first, end) of steps, whose pixels lie `shift` bytes behind the first
  // buffer; the first of them is step `base`.
  const auto multiply = [&](int first, int end, int base, std::uint32_t shift) {
    for (int pair = first; pair < end; pair += kAhead) {
#pragma unroll
      for (int ahead = 0; ahead < kAhead; ++ahead) {
        if (pair + ahead >= end) break;
        // Lanes 0 to 15 address the pair's first step, the others its second.
        const int step = min(2 * (pair + ahead) + lane / 16, steps - 1) - base;
        const std::uint32_t offset = static_cast<std::uint32_t>(offsets[step]) + shift;
#pragma unroll
        for (int j = 0; j < kNEach; ++j) {
          const uint4 b = load_tiles(rows[j] + offset);
#pragma unroll
          for (int i = 0; i < kMEach; ++i)
            multiply_add_pair<T>(sums[i][j], weights[ahead][i][0], weights[ahead][i][1], b);
        }
        fetch(pair + ahead + kAhead, weights[ahead]);
      }
    }
  };

  if constexpr (kKWarps > 1) {
    // The first copies are found before the wait.
    constexpr int kEarly =
        kMEach * kNEach > 8 || stage_blocks_resident(kMEach, kNEach, kAhead) > 2 ? 4 : 8;
    const int words = task.groups_in * 2;
    const float per_word = 1.0f / static_cast<float>(words);
    Copy early[kEarly];
#pragma unroll
    for (int k = 0; k < kEarly; ++k) {
      const int i = tid + k * kStageThreads;
      early[k] = i >= staged * words ? Copy{0, kNothing}
                 : side == 1         ? copy_of_point(i, words, per_word)
                                     : copy_of_halo(i, words, per_word);
    }
    wait_for_previous();
#pragma unroll
    for (int k = 0; k < kEarly; ++k)
      if (early[k].from != kNothing) run(early[k], pixels_at, 0);
    bring(0, kEarly * kStageThreads);
    wait_for_copies<0>();
    __syncthreads();
    multiply(first_pair, end_pair, 0, 0);
  } else {
    wait_for_previous();
    bring(0, 0);
    const int chunk_steps = task.chunk_groups * taps;
    const int chunks = (task.groups_in + task.chunk_groups - 1) / task.chunk_groups;
    for (int chunk = 0; chunk < chunks; ++chunk) {
      if (chunk + 1 < chunks) {
        bring(chunk + 1, 0);
        wait_for_copies<1>();
      } else {
        wait_for_copies<0>();
      }
      __syncthreads();
      const int base = chunk * chunk_steps;
      multiply(base / 2, chunk + 1 < chunks ? (base + chunk_steps) / 2 : pairs, base,
               static_cast<std::uint32_t>(chunk % 2 * task.chunk_bytes));
      if (chunk + 1 < chunks) __syncthreads();
    }
  }

  auto* partial = reinterpret_cast<float*>(pixels);  // [warp_k][pixel][channel]
  __syncthreads();
  {
    float* to = partial + (warp_k * kPixels + warp_n * kNEach * 8 + lane % 4 * 2) * kSumPitch +
                warp_m * kMEach * 16 + lane / 4;
#pragma unroll
    for (int i = 0; i < kMEach; ++i) {
#pragma unroll
      for (int j = 0; j < kNEach; ++j) {
        float* at = to + j * 8 * kSumPitch + i * 16;
        at[0] = sums[i][j][0];
        at[kSumPitch] = sums[i][j][1];
        at[8] = sums[i][j][2];
        at[kSumPitch + 8] = sums[i][j][3];
      }
    }
  }
  __syncthreads();
  // Channels that a thread finishes at a time.
  constexpr int kEach = kPixels * kChannels <= 4 * kStageThreads ? 4 : 8;
  constexpr int kGroups = kChannels / kEach;
  for (int i = tid; i < kPixels * kGroups; i += kStageThreads) {
    const int local = i / kGroups;
    const int channel = i % kGroups * kEach;
    if (local >= inside || tile_m * kChannels + channel >= task.blocks_out * 16) continue;
    float result[kEach];
#pragma unroll
    for (int c = 0; c < kEach; ++c) result[c] = bias[channel + c];
#pragma unroll
    for (int k = 0; k < kKWarps; ++k) {
      const float* from = partial + (k * kPixels + local) * kSumPitch + channel;
#pragma unroll
      for (int c = 0; c < kEach; c += 4) {
        const float4 part = *reinterpret_cast<const float4*>(from + c);
        result[c] += part.x, result[c + 1] += part.y;
        result[c + 2] += part.z, result[c + 3] += part.w;
      }
    }
#pragma unroll
    for (int c = 0; c < kEach; ++c) result[c] = fminf(fmaxf(result[c], task.low), task.high);
    store_elements<kEach>(static_cast<T*>(task.dst) +
                              std::int64_t{start + local} * task.dst_stride + tile_m * kChannels +
                              channel,
                          result);
  }
}

template <class T, int kMEach, int kNEach, int kMWarps, int kNWarps, int kKWarps,
          int kAhead = kMEach == 1 ? 4 : 2>
StageTile stage_tile(std::string_view name) {
  return {name,
          kMEach,
          kNEach,
          kMWarps,
          kNWarps,
          kKWarps,
          stage_blocks_resident(kMEach, kNEach, kAhead),
          kNumber<T>,
          stage_kernel<T, kMEach, kNEach, kMWarps, kNWarps, kKWarps, kAhead>};
}

// Each in a file of its own, for compilation at the same time.
std::span<const StageTile> f16_stage_tiles();
std::span<const StageTile> tf32_stage_tiles();
std::span<const StageTile> f32_stage_tiles();

}  // namespace kissa::cuda
