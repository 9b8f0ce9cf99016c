// What producer and consumers of a wide stage share: the rings in shared memory, and which tiles a
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

// A block's turns, read one ahead.
class Turns {
 public:
  __device__ explicit Turns(const WideStage& stage)
      : turns_(stage.turns),
        next_(__ldg(turns_ + blockIdx.x)),
        end_(__ldg(turns_ + blockIdx.x + 1)) {
    ahead_ = __ldg(turns_ + next_);
  }
  __device__ bool has_more() const { return next_ < end_; }
  __device__ Turn take() {
    const std::uint32_t turn = ahead_;
    if (++next_ < end_) ahead_ = __ldg(turns_ + next_);
    return {static_cast<int>(turn >> 24), static_cast<int>(turn & (kMaxWideTiles - 1))};
  }

 private:
  const std::uint32_t* turns_;
  std::uint32_t next_;
  std::uint32_t end_;
  std::uint32_t ahead_;
};

}  // namespace kissa::cuda
