// Which block takes which tiles of a wide stage, by what a tile is expected to cost.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/cuda/kernels/wide_stage.h"

namespace kissa::cuda {

// Clock cycles that a multiprocessor spends on a tile of the product or pool; `blocks`: as in
// launch_wide_stage.
double tile_cycles(const WideProduct& product, Number number, int blocks);
double tile_cycles(const WidePool& pool);

struct WideSchedule {
  int grid = 0;                      // blocks: at most one a multiprocessor
  double cycles = 0.0;               // of the block that takes longest
  std::vector<std::uint32_t> turns;  // as WideStage::turns
};

// Long tiles first, each to the block that has least to do so far; a block's pools are spread among
// its products: they read the same input, which then comes from the cache, and wait for memory
// while others multiply. The stage is planned (plan_wide_stage).
WideSchedule schedule(const WideStage& stage, int blocks, int multiprocessors);

}  // namespace kissa::cuda
