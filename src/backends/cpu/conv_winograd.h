// What Winograd tactics share on the host: packed filters, and how work is cut.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "backends/cpu/conv_blocks.h"
#include "backends/cpu/conv_geometry.h"

namespace kissa::cpu {

// A factor for each row of G: those that keep transformed filters in the range of FP16, no larger
// than the filters, as powers of two; or ones.
using WinogradScales = std::array<float, kMaxWinogradPoints>;
WinogradScales scales_of(WinogradKind kind, DataType weights);

// Transformed filters G g G^T of a panel, FP32 from double, scaled: points, channels, blocks * 16.
void pack_winograd(WinogradKind kind, std::span<const OutputBlock> blocks, std::int64_t channels,
                   const FindTaps& find, const WinogradScales& scales, float* weight);

// A piece of the products of all points of a panel: tiles [first, first + count) of `stride` tiles.
// v: points x blocks of channels x stride tiles x 16; m: points x blocks of the panel x stride x
// 16; both with kPointGap floats between points, so that one tile's points do not all fall into the
// same set of L1.
inline constexpr std::int64_t kPointGap = 16;
struct WinogradProducts {
  WinogradKind kind;
  int points;    // P * P
  int channels;  // or pairs of them, in BF16
  std::int64_t stride;
  std::int64_t v_point, m_point;  // floats from one point to the next
  WinogradScales scales;          // of the weights
};
// scratch: channels * panel.size() * 16 floats where the weights are FP16.
void run_products(const Kernels& kernels, const GemmKernels& gemm, const WinogradProducts& products,
                  const Panel& panel, const float* v, float* m, float* scratch, std::int64_t first,
                  std::int64_t count) noexcept;

// Stores block j of a panel's outputs of one tile, which starts at row y and column x of `image`.
// m: the tile's first point.
void store_outputs(const Kernels& kernels, const WinogradProducts& products, const Panel& panel,
                   std::size_t j, const float* m, const ConvGeometry& geometry,
                   const Bindings& bindings, std::int64_t image, std::int64_t y,
                   std::int64_t x) noexcept;

}  // namespace kissa::cpu
