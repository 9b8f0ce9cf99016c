// A wide stage's pools: a box of the image with its neighbours comes by TMA, maxima from shared
// memory.
#pragma once

#include "backends/cuda/kernels/wide_ring.cuh"

namespace kissa::cuda {

// The part of a pool that a tile is.
struct PoolTile {
  int image, row, column;
  int first_word;
};

__device__ inline PoolTile pool_tile_of(const WidePool& pool, int index) {
  const int words = (pool.words + kRowWords - 1) / kRowWords;
  const int columns = (pool.width + pool.tile_columns - 1) / pool.tile_columns;
  const int rows = (pool.height + pool.tile_rows - 1) / pool.tile_rows;
  PoolTile tile;
  tile.first_word = index % words * kRowWords;
  index /= words;
  tile.column = index % columns * pool.tile_columns;
  index /= columns;
  tile.row = index % rows * pool.tile_rows;
  tile.image = index / rows * pool.tile_images;
  return tile;
}

template <class T>
__device__ void bring_pool(const WidePool& pool, int index, Ring& ring) {
  const PoolTile tile = pool_tile_of(pool, index);
  const std::uint32_t has_box =
      ring.bring(pool.tile_images * (pool.tile_rows + 2) * (pool.tile_columns + 2) * kRowBytes);
  copy_box(ring.data(), &pool.pixels, tile.first_word * kOfWord<T>, tile.column - 1, tile.row - 1,
           tile.image, has_box);
  ring.advance();
}

// A thread takes 16 bytes of channels of a column, some rows at a time.
inline constexpr int kPoolRows = 7;

template <class T>
__device__ void pool_tile(const WidePool& pool, int index, Ring& ring) {
  const PoolTile tile = pool_tile_of(pool, index);
  const int thread = static_cast<int>(threadIdx.x) - 128;
  const int strips = (pool.tile_rows + kPoolRows - 1) / kPoolRows;
  const int items = pool.tile_images * strips * pool.tile_columns * kRowWords;
  wait_for(ring.is_full(), ring.parity);
  for (int i = thread; i < items; i += kWideThreads - 128) {
    const int word = i % kRowWords;
    int rest = i / kRowWords;
    const int x = tile.column + rest % pool.tile_columns;
    rest /= pool.tile_columns;
    const int first_y = tile.row + rest % strips * kPoolRows;
    const int image = rest / strips;
    if (x >= pool.width || tile.image + image >= pool.images ||
        tile.first_word + word >= pool.words)
      continue;
    // The window's part outside of the image repeats what is inside.
    const int pitch = (pool.tile_columns + 2) * kRowBytes;
    const std::uint32_t at =
        ring.data() + static_cast<std::uint32_t>(image * (pool.tile_rows + 2) * pitch + word * 16);
    const auto column_at = [&](int column) {
      const int inside = min(max(column, 0), pool.width - 1);
      return at + static_cast<std::uint32_t>((inside - tile.column + 1) * kRowBytes);
    };
    const std::uint32_t left = column_at(x - 1);
    const std::uint32_t middle = column_at(x);
    const std::uint32_t right = column_at(x + 1);
    uint4 rows[kPoolRows + 2];
#pragma unroll
    for (int r = 0; r < kPoolRows + 2; ++r) {
      const int last = min(pool.height - 1, tile.row + pool.tile_rows);
      const int y = min(max(first_y - 1 + r, 0), last);
      const auto row = static_cast<std::uint32_t>((y - tile.row + 1) * pitch);
      rows[r] = max_word<T>(max_word<T>(load_shared(left + row), load_shared(middle + row)),
                            load_shared(right + row));
    }
    T* dst = static_cast<T*>(pool.dst) +
             ((std::int64_t{tile.image + image} * pool.height + first_y) * pool.width + x) *
                 pool.dst_stride +
             (tile.first_word + word) * kOfWord<T>;
    const int end = min(min(tile.row + pool.tile_rows, pool.height) - first_y, kPoolRows);
#pragma unroll
    for (int r = 0; r < kPoolRows; ++r)
      if (r < end)
        *reinterpret_cast<uint4*>(dst + std::int64_t{r} * pool.width * pool.dst_stride) =
            max_word<T>(max_word<T>(rows[r], rows[r + 1]), rows[r + 2]);
  }
  release<T>(ring);
  ring.advance();
}

}  // namespace kissa::cuda
