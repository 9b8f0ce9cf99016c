#include "backends/cuda/wide_schedule.h"

#include <gtest/gtest.h>

#include <set>
#include <span>

namespace kissa::cuda {
namespace {

// A 3 x 3 and a 1 x 1 product of 56 x 56 pixels, and a pool.
WideStage make_stage(int images) {
  WideStage stage = {};
  stage.number = Number::kF16;
  for (const int taps : {3, 1}) {
    WideProduct& product = stage.products[stage.product_count++];
    product.columns = product.tile_columns = 96;
    product.chunks = 2;
    product.last_parts = 4;
    product.taps_y = product.taps_x = taps;
    product.pad_y = product.pad_x = taps / 2;
    product.stride = product.dilation = 1;
    product.images = images;
    product.out_height = product.out_width = 56;
    choose_box(product,
               {.data = nullptr,
                .height = 56,
                .width = 56,
                .channels = 128,
                .pixel_stride = 128,
                .number = stage.number},
               2);
  }
  WidePool& pool = stage.pools[stage.pool_count++];
  pool.src_stride = pool.dst_stride = 128;
  pool.images = images;
  pool.height = pool.width = 56;
  pool.words = 16;
  plan_wide_stage(stage);
  return stage;
}

double cycles_of(const WideStage& stage, std::uint32_t turn) {
  const auto task = static_cast<int>(turn >> 24);
  return task < stage.product_count ? tile_cycles(stage.products[task], stage.number, 2)
                                    : tile_cycles(stage.pools[task - stage.product_count]);
}

TEST(WideSchedule, GivesEachTileToOneBlock) {
  for (const int images : {1, 3, 64}) {
    const WideStage stage = make_stage(images);
    const WideSchedule result = schedule(stage, 2, 132);
    const std::span<const std::uint32_t> turns = result.turns;
    std::multiset<std::uint32_t> given(turns.begin() + result.grid + 1, turns.end());
    std::multiset<std::uint32_t> wanted;
    for (int task = 0; task < 3; ++task) {
      const int tiles = task < 2 ? wide_tiles(stage.products[task], 2) : wide_tiles(stage.pools[0]);
      for (int tile = 0; tile < tiles; ++tile) wanted.insert(wide_turn(task, tile));
    }
    EXPECT_EQ(given, wanted);
    EXPECT_EQ(result.grid, std::min<std::size_t>(132, wanted.size()));
    EXPECT_EQ(turns[0], result.grid + 1u);
    EXPECT_EQ(turns[static_cast<std::size_t>(result.grid)], turns.size());
  }
}

TEST(WideSchedule, GivesBlocksEqualShares) {
  const WideStage stage = make_stage(64);
  const WideSchedule result = schedule(stage, 2, 132);
  double longest_tile = 0.0;
  double least = result.cycles;
  double most = 0.0;
  for (std::size_t block = 0; block < static_cast<std::size_t>(result.grid); ++block) {
    double sum = 0.0;
    for (std::uint32_t i = result.turns[block]; i < result.turns[block + 1]; ++i) {
      sum += cycles_of(stage, result.turns[i]);
      longest_tile = std::max(longest_tile, cycles_of(stage, result.turns[i]));
    }
    least = std::min(least, sum);
    most = std::max(most, sum);
  }
  EXPECT_DOUBLE_EQ(most, result.cycles);
  EXPECT_LT(most - least, longest_tile);
}

TEST(WideSchedule, SpreadsABlocksPoolsAmongItsProducts) {
  const WideStage stage = make_stage(64);
  const WideSchedule result = schedule(stage, 2, 4);
  int in_turn = 0;  // of one kind
  bool was_pool = false;
  int most = 0;
  int pools = 0;
  for (std::uint32_t i = result.turns[0]; i < result.turns[1]; ++i) {
    const bool is_pool = result.turns[i] >> 24 == 2;
    in_turn = is_pool == was_pool ? in_turn + 1 : 1;
    was_pool = is_pool;
    pools += is_pool;
    most = std::max(most, in_turn);
  }
  const int turns = static_cast<int>(result.turns[1] - result.turns[0]);
  EXPECT_GT(pools, 0);
  EXPECT_LE(most, std::max(pools, turns - pools) / std::min(pools, turns - pools) + 1);
}

}  // namespace
}  // namespace kissa::cuda
