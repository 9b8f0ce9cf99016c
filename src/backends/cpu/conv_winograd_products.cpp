#include <algorithm>
#include <array>
#include <cmath>

#include "backends/cpu/conv_winograd.h"

namespace kissa::cpu {
namespace {

using Matrix = std::array<std::array<double, kMaxWinogradPoints>, kMaxWinogradPoints>;

// G: row i holds the powers of point i, divided by the product of its distances from the other
// finite points; the last row (inf) a one behind zeros. Signs and factors go with those of B^T in
// kernels/winograd_inl.h.
Matrix filter_transform(int points, int taps) {
  constexpr std::array<double, 7> kPoint = {0, 1, -1, 2, -2, 0.5, -0.5};
  constexpr std::array<double, 3> kFactor4 = {1, 0.5, 0.5};
  constexpr std::array<double, 5> kFactor6 = {1.0 / 4, -1.0 / 6, -1.0 / 6, 1.0 / 24, 1.0 / 24};
  constexpr std::array<double, 7> kFactor8 = {1,        -2.0 / 9,  -2.0 / 9, 1.0 / 90,
                                              1.0 / 90, 32.0 / 45, 32.0 / 45};
  const double* factor =
      points == 4 ? kFactor4.data() : (points == 6 ? kFactor6.data() : kFactor8.data());
  Matrix g = {};
  for (int i = 0; i + 1 < points; ++i)
    for (int r = 0; r < taps; ++r)
      g[static_cast<std::size_t>(i)][static_cast<std::size_t>(r)] =
          factor[i] * std::pow(kPoint[static_cast<std::size_t>(i)], r);
  g[static_cast<std::size_t>(points - 1)][static_cast<std::size_t>(taps - 1)] = 1.0;
  return g;
}

// G f G^T.
Matrix transform(const Matrix& g, const float* filter, std::size_t points, std::size_t taps) {
  Matrix half = {};
  for (std::size_t i = 0; i < points; ++i)
    for (std::size_t s = 0; s < taps; ++s)
      for (std::size_t r = 0; r < taps; ++r)
        half[i][s] += g[i][r] * static_cast<double>(filter[r * taps + s]);
  Matrix all = {};
  for (std::size_t i = 0; i < points; ++i)
    for (std::size_t j = 0; j < points; ++j)
      for (std::size_t s = 0; s < taps; ++s) all[i][j] += half[i][s] * g[j][s];
  return all;
}

}  // namespace

WinogradScales scales_of(WinogradKind kind, DataType weights) {
  WinogradScales scales;
  scales.fill(1.0f);
  if (weights != DataType::kF16) return scales;
  const Matrix g = filter_transform(kWinogradSizes[kind].points, kWinogradSizes[kind].taps);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    double largest = 0.0;  // that a row makes of filters up to 1
    for (const double factor : g[i]) largest += std::abs(factor);
    if (largest > 0.0) scales[i] = static_cast<float>(std::exp2(-std::ceil(std::log2(largest))));
  }
  return scales;
}

void pack_winograd(WinogradKind kind, std::span<const OutputBlock> blocks, std::int64_t channels,
                   const FindTaps& find, const WinogradScales& scales, float* weight) {
  const auto points = static_cast<std::size_t>(kWinogradSizes[kind].points);
  const auto taps = static_cast<std::size_t>(kWinogradSizes[kind].taps);
  const Matrix g = filter_transform(kWinogradSizes[kind].points, kWinogradSizes[kind].taps);
  const std::size_t row = blocks.size() * kChannelBlock;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::size_t k = 0; k < row; ++k) {
      const float* f =
          find(blocks[k / kChannelBlock], static_cast<std::int64_t>(k) % kChannelBlock, c);
      const Matrix u = f != nullptr ? transform(g, f, points, taps) : Matrix{};
      for (std::size_t i = 0; i < points * points; ++i)
        weight[(i * static_cast<std::size_t>(channels) + static_cast<std::size_t>(c)) * row + k] =
            static_cast<float>(u[i / points][i % points]) * scales[i / points] * scales[i % points];
    }
  }
}

void run_products(const Kernels& kernels, const GemmKernels& gemm, const WinogradProducts& products,
                  const Panel& panel, const float* v, float* m, float* scratch, std::int64_t first,
                  std::int64_t count) noexcept {
  static constexpr std::array<float, kMaxTileBlocks* kChannelBlock> kNoBias = {};
  const std::int64_t most = gemm.pixels[panel.size() - 1];
  const std::int64_t tiles = divide_up(count, most);
  const std::int64_t weights =
      static_cast<std::int64_t>(products.channels) * panel.size() * kChannelBlock;
  // The next point's weights follow this one's, the next panel's those of the last point.
  const std::int64_t point_floats = panel.storage.weights == DataType::kF16 ? weights / 2 : weights;
  const std::int64_t lines = point_floats / kChannelBlock;
  const std::int64_t side = kWinogradSizes[products.kind].points;
  std::array<float*, kMaxTileBlocks> dst;
  const long tap_offset = 0;
  GemmTile tile = {};
  tile.src_stride = static_cast<long>(products.stride * kChannelBlock);
  tile.tap_offset = &tap_offset;
  tile.taps = 1;
  tile.channels = products.channels;
  tile.bias = kNoBias.data();
  tile.dst = dst.data();
  for (std::int64_t i = 0; i < products.points; ++i) {
    const float scale = products.scales[static_cast<std::size_t>(i / side)] *
                        products.scales[static_cast<std::size_t>(i % side)];
    const GemmKernels& of_tiles =
        set_weights(kernels, gemm, panel, i * weights, weights, 1.0f / scale, tiles, scratch, tile);
    for (std::int64_t t = 0; t < tiles; ++t) {
      const std::int64_t a = count * t / tiles;
      const std::int64_t b = count * (t + 1) / tiles;
      tile.src = v + i * products.v_point + (first + a) * kChannelBlock;
      for (std::int64_t j = 0; j < panel.size(); ++j)
        dst[static_cast<std::size_t>(j)] =
            m + i * products.m_point + (j * products.stride + first + a) * kChannelBlock;
      set_prefetch(tile, panel.weight + (i + 1) * point_floats, lines, t, tiles);
      of_tiles.tile[panel.size() - 1][b - a - 1](tile);
    }
  }
}

void store_outputs(const Kernels& kernels, const WinogradProducts& products, const Panel& panel,
                   std::size_t j, const float* m, const ConvGeometry& geometry,
                   const Bindings& bindings, std::int64_t image, std::int64_t y,
                   std::int64_t x) noexcept {
  const WinogradKind kind = products.kind;
  const OutputBlock& block = panel.blocks[j];
  const std::int64_t size = kWinogradSizes[kind].outputs;
  const std::int64_t pixel = y * geometry.out_width + x;
  const int rows = static_cast<int>(std::min(size, geometry.out_height - y));
  const int columns = static_cast<int>(std::min(size, geometry.out_width - x));
  WinogradOutput output = {.src = m,
                           .point_stride = static_cast<long>(products.m_point),
                           .bias = panel.bias + j * kChannelBlock,
                           .low = panel.low[j],
                           .high = panel.high[j],
                           .dst = nullptr,
                           .row_stride = 0,
                           .rows = rows,
                           .columns = columns};
  if (panel.storage.halves == nullptr) {
    output.dst = address_of(block, bindings, image, pixel);
    output.row_stride = static_cast<long>(geometry.out_width * kChannelBlock);
    kernels.winograd.output[kind](output);
    for (int row = 0; row < rows; ++row)
      finish(kernels, block, bindings, image, pixel + row * geometry.out_width, columns);
    return;
  }
  constexpr std::int64_t kMostOutputs = 6;
  alignas(64) std::array<float, kMostOutputs * kMostOutputs * kChannelBlock> sums;
  output.dst = sums.data();
  output.row_stride = static_cast<long>(size * kChannelBlock);
  kernels.winograd.output[kind](output);
  panel.storage.halves->store(half_block(block, bindings, image, pixel), sums.data(),
                              {.rows = rows,
                               .columns = columns,
                               .half_step = kChannelBlock,
                               .half_row = static_cast<long>(geometry.out_width * kChannelBlock),
                               .wide_row = output.row_stride});
}

}  // namespace kissa::cpu
