// y = clip(W * x + b) as a product of matrices by wgmma: M = pixels, N = output channels, K = (tap,
// 128 bytes of channels: 64 halves or 32 floats). One block a multiprocessor, which takes tile
// after tile:
//
//   producer thread: for each chunk of channels the tile's pixels by TMA (im2col mode: zeros
//     outside the image cost nothing), and for each step of K the weights as one bulk copy, into
//     two rings in shared memory, both in rows of 128 bytes, swizzled
//   three warps: where the tile's results go
//   two warpgroups: each half of the tile's pixels times all of its columns; one product on its way
//     while the next step is waited for; then bounds and 16-byte stores
//
// With stride 1 all taps read one box of pixels, each from another row on: the swizzle goes by the
// address, so that a matrix may start at any row. Other convolutions bring a box for each tap.
//
// Of floats, the pixels go through registers, where they are split into two TF32 halves; weights
// are split when packed. Three products of halves make one; each step's are summed from 0 and then
// added with rounding, as the tensor cores' own sums drop bits.
//
// Bound by wgmma: 8 columns cycles a step of 256 pixels; by L2 where K is short. Figures:
// docs/kernels/cuda_conv.md.
#pragma once

#include "backends/cuda/kernels/wide_pool.cuh"
#include "backends/cuda/kernels/wide_product.cuh"

namespace kissa::cuda {

template <class T, int kBlocks, int kColumns = 0>
__global__ void __launch_bounds__(kWideThreads, 1)
    wide_stage_kernel(const __grid_constant__ WideStage stage) {
  extern __shared__ __align__(kAlign) unsigned char shared[];
  let_next_start();
  const std::uint32_t start = shared_address(shared);
  const std::uint32_t weights =
      start + static_cast<std::uint32_t>(stage.pixels.slots * stage.pixels.slot_bytes);
  const std::uint32_t stages = start + kRingBytes / kAlign * kAlign;
  const std::uint32_t directory = stages + kStages * kStageBytes;
  const std::uint32_t barriers = directory + 2 * kDirectoryBytes;
  Rings rings = {.pixels = ring_of(stage.pixels, start, barriers),
                 .weights = ring_of(stage.weights, weights, barriers + 2 * kMaxSlots * 8),
                 .directory = {.entries = directory, .barriers = barriers + 4 * kMaxSlots * 8},
                 .stage = stages + (threadIdx.x / 32 - 4) * std::uint32_t{kStageBytes}};
  if (threadIdx.x == 0) {
    init_ring<T>(rings.pixels);
    init_ring<T>(rings.weights);
    init_directory(rings.directory);
    publish_barriers();
  }
  __syncthreads();
  Turns turns(stage);
  wait_for_previous();

  if (threadIdx.x < 128) {
    KISSA_HOPPER("setmaxnreg.dec.sync.aligned.u32 40;");
    if (threadIdx.x >= 32) {
      while (turns.has_more()) {
        const Turn turn = turns.take();
        if (turn.task < stage.product_count)
          scout_tile<T, kBlocks>(stage.products[turn.task], turn.index, rings.directory);
      }
      return;
    }
    if (threadIdx.x != 0) return;
    while (turns.has_more()) {
      const Turn turn = turns.take();
      if (turn.task < stage.product_count)
        bring_tile<T, kBlocks>(stage.products[turn.task], turn.index, rings);
      else
        bring_pool<T>(stage.pools[turn.task - stage.product_count], turn.index, rings.pixels);
    }
  } else {
    KISSA_HOPPER("setmaxnreg.inc.sync.aligned.u32 232;");
    while (turns.has_more()) {
      const Turn turn = turns.take();
      if (turn.task < stage.product_count)
        multiply_any<T, kBlocks, kColumns>(stage.products[turn.task], rings);
      else
        pool_tile<T>(stage.pools[turn.task - stage.product_count], turn.index, rings.pixels);
    }
  }
}

using WideKernel = void (*)(WideStage);

// Each in a file of its own, for compilation at the same time.
WideKernel f16_wide_kernel(int blocks);
WideKernel tf32_wide_kernel(int blocks);
WideKernel f32_wide_kernel(int columns);

}  // namespace kissa::cuda
