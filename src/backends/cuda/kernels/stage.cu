#include "backends/cuda/kernels/stage.h"

#include <algorithm>

#include "backends/cuda/kernels/stage.cuh"

namespace kissa::cuda {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t plane_of(const Stage& stage) { return std::int64_t{stage.height} * stage.width; }

// Of a tile: several where they fit whole.
std::int64_t images_of(const Stage& stage, const StageTile& tile) {
  return std::clamp<std::int64_t>(tile.pixels() / plane_of(stage), 1, stage.images);
}

// The pixels in shared memory, halo included, of the largest tile.
std::int64_t staged_pixels(const Stage& stage, const StageTask& task, const StageTile& tile) {
  if (task.side == 1) return tile.pixels();
  const std::int64_t images = images_of(stage, tile);
  const int rows =
      images > 1 ? stage.height
                 : std::min(stage.height, (tile.pixels() + stage.width - 2) / stage.width + 1);
  return images * (rows + task.side - 1) * (stage.width + task.side - 1);
}

// Tiles of pixels: of an image, times the groups of images.
std::int64_t tiles_of(const Stage& stage, const StageTile& tile) {
  return ceil_div(plane_of(stage), tile.pixels()) * ceil_div(stage.images, images_of(stage, tile));
}

std::int64_t blocks_of(const Stage& stage, const StageTask& task, const StageTile& tile) {
  if (task.is_pool)
    return ceil_div(
        std::int64_t{(stage.height + 1) / 2} * stage.width * task.groups_in * 2 * stage.images,
        kStageThreads);
  return ceil_div(task.blocks_out * 16, tile.channels()) * tiles_of(stage, tile);
}

// Tiles whose warps do not share sums bring the next channels while they multiply the present ones.
constexpr int kChunkGroups = 4;  // even, so that pairs of steps end with a chunk

int chunk_groups(const StageTask& task, const StageTile& tile) {
  return tile.k_warps == 1 ? std::min(kChunkGroups, task.groups_in) : task.groups_in;
}

std::int64_t chunk_bytes(const Stage& stage, const StageTask& task, const StageTile& tile) {
  return staged_pixels(stage, task, tile) * (chunk_groups(task, tile) * 32 + 16);
}

std::int64_t offsets_bytes(const Stage& stage) {
  std::int64_t steps = 0;
  for (int i = 0; i < stage.count; ++i)
    if (!stage.tasks[i].is_pool)
      steps = std::max(steps, std::int64_t{stage.tasks[i].groups_in} * stage.tasks[i].side *
                                  stage.tasks[i].side);
  return ceil_div(steps * 4, 16) * 16;
}

}  // namespace

std::span<const StageTile> stage_tiles(Number number) {
  switch (number) {
    case Number::kF16: return f16_stage_tiles();
    case Number::kTf32: return tf32_stage_tiles();
    case Number::kF32: return f32_stage_tiles();
  }
  return {};
}

std::size_t stage_shared_bytes(const Stage& stage, const StageTile& tile) {
  std::int64_t pixels = 0;
  for (int i = 0; i < stage.count; ++i) {
    const StageTask& task = stage.tasks[i];
    if (task.is_pool) continue;
    const bool is_double = chunk_groups(task, tile) < task.groups_in;
    pixels = std::max(pixels, chunk_bytes(stage, task, tile) * (is_double ? 2 : 1));
  }
  const std::int64_t sums = std::int64_t{tile.k_warps} * tile.pixels() * (tile.channels() + 4) * 4;
  return static_cast<std::size_t>(offsets_bytes(stage) + tile.channels() * 4 +
                                  std::max(pixels, sums));
}

std::int64_t stage_blocks(const Stage& stage, const StageTile& tile) {
  std::int64_t blocks = 0;
  for (int i = 0; i < stage.count; ++i) blocks += blocks_of(stage, stage.tasks[i], tile);
  return blocks;
}

void prepare_stage(const StageTile& tile) {
  cudaFuncSetAttribute(tile.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                       static_cast<int>(kMaxSharedBytes));
}

void launch_stage(Stage stage, const StageTile& tile, cudaStream_t stream) {
  stage.tiles_n = static_cast<int>(ceil_div(plane_of(stage), tile.pixels()));
  stage.images_each = static_cast<int>(images_of(stage, tile));
  stage.offsets_bytes = static_cast<int>(offsets_bytes(stage));
  std::int64_t first = 0;
  for (int i = 0; i < stage.count; ++i) {
    StageTask& task = stage.tasks[i];
    task.first_tile = static_cast<int>(first);
    task.tiles_m = static_cast<int>(ceil_div(task.blocks_out * 16, tile.channels()));
    task.chunk_groups = chunk_groups(task, tile);
    task.chunk_bytes = static_cast<int>(chunk_bytes(stage, task, tile));
    first += blocks_of(stage, task, tile);
  }
  launch_early(tile.kernel, stage, dim3(static_cast<unsigned>(first)), kStageThreads,
               stage_shared_bytes(stage, tile), stream);
}

}  // namespace kissa::cuda
