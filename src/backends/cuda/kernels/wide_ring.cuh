// What producer and consumers of a wide stage share: the ring in shared memory, and which tiles a
// block takes in turn.
#pragma once

#include "backends/cuda/kernels/hopper.cuh"
#include "backends/cuda/kernels/wide_stage.h"

namespace kissa::cuda {

inline constexpr int kWideThreads = 384;
inline constexpr int kRowBytes = 128;
inline constexpr int kRowWords = kRowBytes / 16;
// Behind the weights of a slot: a tile's bias, with its first step.
inline constexpr int kBiasBytes = 1024;
inline constexpr int kStepParts = 4;  // of 32 bytes, in a step
inline constexpr int kMaxSlots = 8;
// Each warp that multiplies has a stage of 16 rows for its results.
inline constexpr int kStageBytes = 16 * kRowBytes;
inline constexpr int kStages = (kWideThreads - 128) / 32;
// Warps that find out where results go.
inline constexpr int kScouts = 3;
inline constexpr int kAlign = 1024;
inline constexpr int kWideSharedBytes = 227 * 1024;
inline constexpr int kBarrierBytes = 4 * kMaxSlots * 8 + 4 * 8;

// Where a tile's results go: the pixel of each row, and an outlet for each 16 bytes of columns.
inline constexpr int kPixelBytes = 2 * kWideRows * 4;
inline constexpr int kOutlets = 48;
inline constexpr int kDirectoryBytes = kPixelBytes + kOutlets * 16;

// The rings' share.
inline constexpr int kRingBytes =
    kWideSharedBytes - kBarrierBytes - 2 * kDirectoryBytes - kStages * kStageBytes;

template <class T>
inline constexpr int kWideWeights = std::is_same_v<T, float> ? 2 : 1;

// The slot that comes next, and the parity of its phase.
struct Ring {
  std::uint32_t slots;  // address
  std::uint32_t full;   // barriers of what has come in; behind them of what may be overwritten
  int count;
  int bytes;
  int slot = 0;
  std::uint32_t parity = 0;

  __device__ std::uint32_t data() const { return slots + static_cast<std::uint32_t>(slot * bytes); }
  __device__ std::uint32_t is_full() const { return full + static_cast<std::uint32_t>(slot * 8); }
  __device__ std::uint32_t is_empty(int of) const {
    return full + static_cast<std::uint32_t>((kMaxSlots + of) * 8);
  }
  // Waits until the slot may be overwritten; what tells that `bytes` have come.
  __device__ std::uint32_t bring(int bytes_coming) const {
    wait_for(is_empty(slot), parity ^ 1);
    arrive_expecting(is_full(), bytes_coming);
    return is_full();
  }
  __device__ void advance() {
    if (++slot < count) return;
    slot = 0;
    parity ^= 1;
  }
};

// Two in turn: one is written while the other is read.
struct Directory {
  std::uint32_t entries;   // address
  std::uint32_t barriers;  // of what is complete; behind them of what may be overwritten
  int slot = 0;
  std::uint32_t parity = 0;

  // Of 16 rows the pixels of first, first + 4, first + 8 and first + 12.
  __device__ std::uint32_t pixels(int of, int first) const {
    return entries + static_cast<std::uint32_t>(slot * kDirectoryBytes + of * 64 + first * 16);
  }
  __device__ std::uint32_t outlet(int word) const {
    return entries + static_cast<std::uint32_t>(slot * kDirectoryBytes + kPixelBytes + word * 16);
  }
  __device__ std::uint32_t is_full() const {
    return barriers + static_cast<std::uint32_t>(slot * 8);
  }
  __device__ std::uint32_t is_empty() const { return is_full() + 16; }
  __device__ void advance() {
    slot ^= 1;
    if (slot == 0) parity ^= 1;
  }
};

// Pixels of one or several steps, and weights of one step.
struct Rings {
  Ring pixels;
  Ring weights;
  Directory directory;
  std::uint32_t stage;  // of the warp, for results
};

// How many say that a slot may be overwritten: warps, or warpgroups.
template <class T>
inline constexpr int kReleases = std::is_same_v<T, float> ? 8 : 2;

__device__ inline Ring ring_of(const WideStage::RingShape& shape, std::uint32_t slots,
                               std::uint32_t barriers) {
  return {.slots = slots, .full = barriers, .count = shape.slots, .bytes = shape.slot_bytes};
}

template <class T>
__device__ void init_ring(const Ring& ring) {
  for (int i = 0; i < ring.count; ++i) {
    init_barrier(ring.full + static_cast<std::uint32_t>(i * 8), 1);
    init_barrier(ring.is_empty(i), kReleases<T>);
  }
}

__device__ inline void init_directory(const Directory& directory) {
  for (std::uint32_t slot = 0; slot < 2; ++slot) {
    init_barrier(directory.barriers + slot * 8, kScouts);
    init_barrier(directory.barriers + 16 + slot * 8, kStages);
  }
}

// Releases the present slot when all consumers are done with it.
template <class T>
__device__ void release(const Ring& ring) {
  if constexpr (kReleases<T> == 8) {
    __syncwarp();
    if (threadIdx.x % 32 == 0) arrive(ring.is_empty(ring.slot));
  } else {
    asm volatile("bar.sync %0,128;" ::"r"(static_cast<int>(threadIdx.x) / 128) : "memory");
    if (threadIdx.x % 128 == 0) arrive(ring.is_empty(ring.slot));
  }
}

// What a block does next.
struct Turn {
  int task;   // a product, or behind them a pool
  int index;  // of the task's tiles
};

// Keeps the compiler from finding a turn later.
__device__ inline void settle(Turn& turn) {
  asm volatile("" : "+r"(turn.task), "+r"(turn.index)::"memory");
}

// A block's tiles: every so many-th, long ones first. Its pools are spread among its products: they
// read the same input, which then comes from the cache, and wait for memory while others multiply.
class Turns {
 public:
  __device__ explicit Turns(const WideStage& stage)
      : stage_(stage),
        own_(share(stage.first_tile[stage.product_count + stage.pool_count])),
        pools_(own_ - share(stage.first_tile[stage.product_count])) {}
  __device__ int count() const { return own_; }
  __device__ Turn operator[](int position) const {
    const int pools_before = pools_ > 0 ? position * pools_ / own_ : 0;
    const bool is_pool = pools_ > 0 && (position + 1) * pools_ / own_ > pools_before;
    const int own = is_pool ? own_ - pools_ + pools_before : position - pools_before;
    const int tile = static_cast<int>(blockIdx.x) + own * static_cast<int>(gridDim.x);
    int task = 0;
    while (tile >= stage_.first_tile[task + 1]) ++task;
    return {task, tile - stage_.first_tile[task]};
  }

 private:
  // How many of the first `tiles` are this block's.
  __device__ static int share(int tiles) {
    const auto blocks = static_cast<int>(gridDim.x);
    return (tiles - static_cast<int>(blockIdx.x) + blocks - 1) / blocks;
  }
  const WideStage& stage_;
  int own_;
  int pools_;
};

}  // namespace kissa::cuda
