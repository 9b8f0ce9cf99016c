#include "backends/cuda/wide_schedule.h"

#include <algorithm>
#include <queue>

#include "base/error.h"

namespace kissa::cuda {
namespace {

// What L2 gives a multiprocessor in a cycle while all of them ask.
constexpr double kBytesPerCycle = 28.0;

struct Task {
  int index;  // of the stage: a product, or behind them a pool
  int tiles;
  double cycles;  // of a tile
};

std::vector<Task> tasks_of(const WideStage& stage, int blocks) {
  std::vector<Task> tasks;
  tasks.reserve(static_cast<std::size_t>(stage.product_count + stage.pool_count));
  for (int i = 0; i < stage.product_count; ++i)
    tasks.push_back({i, wide_tiles(stage.products[i], blocks),
                     tile_cycles(stage.products[i], stage.number, blocks)});
  for (int i = 0; i < stage.pool_count; ++i)
    tasks.push_back(
        {stage.product_count + i, wide_tiles(stage.pools[i]), tile_cycles(stage.pools[i])});
  std::stable_sort(tasks.begin(), tasks.end(),
                   [](const Task& a, const Task& b) { return a.cycles > b.cycles; });
  return tasks;
}

struct Load {
  double cycles;
  int block;
  bool operator>(const Load& other) const {
    return cycles != other.cycles ? cycles > other.cycles : block > other.block;
  }
};

struct Share {
  std::vector<std::uint32_t> products, pools;
};

void append(const Share& share, std::vector<std::uint32_t>& turns) {
  const std::size_t count = share.products.size() + share.pools.size();
  std::size_t pools = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_pool = (i + 1) * share.pools.size() / count > pools;
    turns.push_back(is_pool ? share.pools[pools] : share.products[i - pools]);
    if (is_pool) ++pools;
  }
}

}  // namespace

double tile_cycles(const WideProduct& product, Number number, int blocks) {
  constexpr double kEachTile = 1000.0;
  constexpr double kEachResult = 0.1;                   // of a pixel and column
  const int products = number == Number::kF32 ? 4 : 1;  // three, and what splits the pixels
  const double multiplying = 4.0 * product.tile_columns * blocks * products * product.steps;
  const double boxes =
      double{1} * product.chunks * product.taps_y * product.taps_x / product.box_taps;
  const double bytes = boxes * product.box_rows * 128 + double{1} * product.steps *
                                                            wide_weights(number) *
                                                            product.tile_columns * 128;
  return kEachTile + kEachResult * product.tile_columns * blocks * kWideRows +
         std::max(multiplying, bytes / kBytesPerCycle);
}

double tile_cycles(const WidePool& pool) {
  // Pools read and write more than their boxes show, and nothing multiplies meanwhile: with this
  // factor GoogLeNet is fastest (2.5 or 1.7: 524, 1: 545 us at batch 32).
  constexpr double kOfBox = 2.5;
  return kOfBox * pool.tile_images * (pool.tile_rows + 2) * (pool.tile_columns + 2) * 128 /
         kBytesPerCycle;
}

WideSchedule schedule(const WideStage& stage, int blocks, int multiprocessors) {
  const std::vector<Task> tasks = tasks_of(stage, blocks);
  int tiles = 0;
  for (const Task& task : tasks) tiles += task.tiles;

  WideSchedule result;
  result.grid = std::min(tiles, multiprocessors);
  std::vector<Share> shares(static_cast<std::size_t>(result.grid));
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (int block = 0; block < result.grid; ++block) loads.push({0.0, block});
  for (const Task& task : tasks) {
    KISSA_CHECK(task.tiles < kMaxWideTiles);
    for (int tile = 0; tile < task.tiles; ++tile) {
      Load least = loads.top();
      loads.pop();
      Share& share = shares[static_cast<std::size_t>(least.block)];
      (task.index < stage.product_count ? share.products : share.pools)
          .push_back(wide_turn(task.index, tile));
      least.cycles += task.cycles;
      result.cycles = std::max(result.cycles, least.cycles);
      loads.push(least);
    }
  }
  result.turns.resize(static_cast<std::size_t>(result.grid) + 1);
  for (std::size_t block = 0; block < shares.size(); ++block) {
    result.turns[block] = static_cast<std::uint32_t>(result.turns.size());
    append(shares[block], result.turns);
  }
  result.turns[shares.size()] = static_cast<std::uint32_t>(result.turns.size());
  return result;
}

}  // namespace kissa::cuda
