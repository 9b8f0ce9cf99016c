// InnerProductTile on Vec.
//
//   panel:  4 vectors of outputs          one step of K: 4 loads of weights, a broadcast a row
//           +----+----+----+----+
//   rows    |    accumulators   |         weights are read once, in one line after the other
//           +----+----+----+----+
//
// One row is bound by the weights' way from memory: K is cut into stretches that are read side by
// side, because several linear streams get more out of memory than one (docs/kernels/
// inner_product.md), and because one row alone has too few additions under way. Many rows are bound
// by the multiplications: they pass in groups over kDepth steps of weights, which stay in L1.
#pragma once

#include "backends/cpu/kernels/activation_inl.h"
#include "backends/cpu/kernels/inner_product.h"
#include "backends/cpu/kernels/lanes_inl.h"

namespace kissa::cpu {
namespace {

constexpr int kPanelVecs = 4;
constexpr int kPanel = kPanelVecs * kLanes;
constexpr int kMaxRows = kRegisters == 32 ? 6 : 3;  // rows x kPanelVecs accumulators fit
constexpr int kDepth = 128;

using PanelRow = float[kPanel];

// How the weights of one step of K lie: kFloats in a row.
struct Fp32Weights {
  static constexpr int kFloats = kPanel;
  KISSA_INLINE static void load_row(const float* p, Vec (&w)[kPanelVecs]) {
    KISSA_UNROLL(4)
    for (int v = 0; v < kPanelVecs; ++v) w[v] = load(p + v * kLanes);
  }
};
struct Bf16Weights {
  static constexpr int kFloats = kPanel / 2;
  KISSA_INLINE static void load_row(const float* p, Vec (&w)[kPanelVecs]) {
    KISSA_UNROLL(2)
    for (int v = 0; v < kPanelVecs; v += 2) {
      const IntVec pairs = bits_of(load(p + v / 2 * kLanes));
      w[v] = vec_of_bits(pairs << 16);
      w[v + 1] = vec_of_bits(pairs & ~0xffff);
    }
  }
};
struct Fp16Weights {
  static constexpr int kFloats = kPanel / 2;
  KISSA_INLINE static void load_row(const float* p, Vec (&w)[kPanelVecs]) {
    KISSA_UNROLL(4)
    for (int v = 0; v < kPanelVecs; ++v) w[v] = load_fp16(p + v * kLanes / 2);
  }
};

// acc[row] += x[row][k] * w[k] for `depth` steps of each of Streams stretches that lie `stretch`
// apart.
template <class Weights, int Rows, int Streams>
KISSA_INLINE void multiply(const float* x, std::int64_t row, const float* w, std::int64_t depth,
                           std::int64_t stretch, Vec (&acc)[Streams][Rows][kPanelVecs]) {
  for (std::int64_t k = 0; k < depth; ++k) {
    KISSA_UNROLL(4)
    for (int s = 0; s < Streams; ++s) {
      Vec weights[kPanelVecs];
      Weights::load_row(w + (s * stretch + k) * Weights::kFloats, weights);
      KISSA_UNROLL(8)
      for (int r = 0; r < Rows; ++r) {
        const Vec value = broadcast(x[r * row + s * stretch + k]);
        KISSA_UNROLL(4)
        for (int v = 0; v < kPanelVecs; ++v) acc[s][r][v] += value * weights[v];
      }
    }
  }
}

// partial[r] += x[r] * w over `depth` steps.
template <class Weights, int Rows, int Streams>
void multiply_rows(const float* x, std::int64_t row, const float* w, std::int64_t depth,
                   PanelRow* partial) {
  Vec acc[Streams][Rows][kPanelVecs];
  KISSA_UNROLL(8)
  for (int r = 0; r < Rows; ++r) {
    KISSA_UNROLL(4)
    for (int v = 0; v < kPanelVecs; ++v) {
      acc[0][r][v] = load(partial[r] + v * kLanes);
      KISSA_UNROLL(4)
      for (int s = 1; s < Streams; ++s) acc[s][r][v] = Vec{};
    }
  }
  const std::int64_t stretch = depth / Streams;
  multiply<Weights, Rows, Streams>(x, row, w, stretch, stretch, acc);
  KISSA_UNROLL(8)
  for (int r = 0; r < Rows; ++r) {
    KISSA_UNROLL(4)
    for (int v = 0; v < kPanelVecs; ++v) {
      KISSA_UNROLL(4)
      for (int s = 1; s < Streams; ++s) acc[0][r][v] += acc[s][r][v];
      store(partial[r] + v * kLanes, acc[0][r][v]);
    }
  }
  const std::int64_t done = stretch * Streams;
  if (done < depth)
    multiply_rows<Weights, Rows, 1>(x + done, row, w + done * Weights::kFloats, depth - done,
                                    partial);
}

template <class Weights, int Rows>
void multiply_group(const float* x, std::int64_t row, const float* w, std::int64_t depth,
                    std::int64_t rows, PanelRow* partial) {
  constexpr int kStreams = kMaxRows / Rows < 4 ? kMaxRows / Rows : 4;
  if (rows == Rows)
    multiply_rows<Weights, Rows, kStreams>(x, row, w, depth, partial);
  else if constexpr (Rows > 1)
    multiply_group<Weights, Rows - 1>(x, row, w, depth, rows, partial);
}

void finish_row(const InnerProductTile& t, std::int64_t row, const float* sums) {
  float* dst = t.dst + row * t.dst_row;
  const float* residual = t.residual == nullptr ? nullptr : t.residual + row * t.dst_row;
  for (int i = 0; i < t.outputs; i += kLanes) {
    Vec y = load(sums + i) + load(t.bias + i);
    if (residual != nullptr) y += load_some(residual + i, t.outputs - i);
    store_some(dst + i, activate(t.activation, y), t.outputs - i);
  }
}

template <class Weights>
void inner_product(const InnerProductTile& t) noexcept {
  alignas(64) PanelRow partial[kInnerProductRows] = {};
  const std::int64_t depth_step = t.rows <= kMaxRows ? t.depth : kDepth;
  for (std::int64_t k = 0; k < t.depth; k += depth_step) {
    const std::int64_t depth = t.depth - k < depth_step ? t.depth - k : depth_step;
    for (std::int64_t r = 0; r < t.rows; r += kMaxRows) {
      const std::int64_t rows = t.rows - r < kMaxRows ? t.rows - r : kMaxRows;
      multiply_group<Weights, kMaxRows>(t.src + r * t.src_row + k, t.src_row,
                                        t.weight + k * Weights::kFloats, depth, rows, partial + r);
    }
  }
  for (std::int64_t r = 0; r < t.rows; ++r) finish_row(t, r, partial[r]);
}

constexpr InnerProductKernels kInnerProductKernels = {.panel = kPanel,
                                                      .run = inner_product<Fp32Weights>,
                                                      .run_bf16 = inner_product<Bf16Weights>,
                                                      .run_fp16 = inner_product<Fp16Weights>};

}  // namespace
}  // namespace kissa::cpu
