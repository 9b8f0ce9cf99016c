// LRN across channels: y = x (k + scale * s)^-beta.
//
// A block's 16 channels need the squares of their neighbours in the blocks before and behind:
//
//      below          own           above
//   [ ... 14 15][ 0  1 ... 15 ][ 0  1 ... ]      window 5: s of channel 0 = below 14, 15, own 0 to
//   2
//
// Squares are taken in registers and shifted across lanes. For beta 3/4 the power comes from two
// estimates of 1/sqrt, t = r^2 / sqrt(r) = s^-3/4 with r = s^-1/2, and one step of third order:
//   e = 1 - s^3 t^4,  t += t e (1/4 + 5/32 e)      (s^3 t^4 as (s t)^2 (s t^2): nothing overflows)
// Other powers are exp(-beta log s).
//
// Next to a pooling nothing is stored between the two:
//   pool_lrn keeps three blocks of one pooled row in L1: below, own and above;
//   lrn_pool folds each normalised row into the one or two output rows whose windows it lies in, so
//   that a row is normalised once and the output is the only buffer.
#pragma once

#include "backends/cpu/kernels/lrn.h"
#include "backends/cpu/kernels/math_inl.h"
#include "backends/cpu/kernels/pool_inl.h"

namespace kissa::cpu {
namespace {

alignas(64) constexpr float kZeroBlock[kBlock] = {};

// A block of channels next to the own: moves on with the pixels, or stays on zeros outside.
struct Neighbour {
  const float* data;
  std::int64_t step;
  const float* at(std::int64_t pixel) const { return data + pixel * step; }
};

KISSA_INLINE Neighbour neighbour(const float* data, bool exists) {
  return exists ? Neighbour{data, kBlock} : Neighbour{kZeroBlock, 0};
}

// bracket^-3/4
struct PowerThreeQuarters {
  explicit PowerThreeQuarters(const LrnParams&) {}
  KISSA_INLINE Vec operator()(Vec bracket) const {
    const Vec r = rsqrt_estimate(bracket);
    Vec t = r * r * rsqrt_estimate(r);
    const Vec u = bracket * t;
    const Vec e = 1.0f - (u * u) * (u * t);
    return t + (t * e) * (0.25f + e * 0.15625f);
  }
};

// bracket^-beta
struct AnyPower {
  float beta;
  explicit AnyPower(const LrnParams& params) : beta(params.beta) {}
  KISSA_INLINE Vec operator()(Vec bracket) const { return exp(log(bracket) * -beta); }
};

template <int Reach, class Power>
class Normalise {
 public:
  explicit Normalise(const LrnParams& params)
      : scale_(broadcast(params.scale)), k_(broadcast(params.k)), power_(params) {}

  // The three blocks of one pixel.
  KISSA_INLINE void operator()(const float* below, const float* own, const float* above,
                               Vec (&y)[kVecs]) const {
    Vec squares[kParts + kVecs + kParts];
    KISSA_UNROLL(8)
    for (int i = 0; i < kParts; ++i) {
      squares[i] = square(below + kBlock - (kParts - i) * kLanes);
      squares[kParts + kVecs + i] = square(above + i * kLanes);
    }
    KISSA_UNROLL(4)
    for (int v = 0; v < kVecs; ++v) squares[kParts + v] = square(own + v * kLanes);
    KISSA_UNROLL(4)
    for (int v = 0; v < kVecs; ++v) {
      Vec sum = squares[kParts + v];
      add_neighbours<1>(squares, v, sum);
      y[v] = load(own + v * kLanes) * power_(k_ + scale_ * sum);
    }
  }

 private:
  // Vectors of a neighbouring block that the window reaches.
  static constexpr int kParts = (Reach + kLanes - 1) / kLanes;
  using Squares = Vec[kParts + kVecs + kParts];

  KISSA_INLINE static Vec square(const float* p) { return load(p) * load(p); }

  // The squares `distance` channels behind those of vector v.
  template <int distance>
  KISSA_INLINE static Vec shifted(const Squares& squares, int v) {
    constexpr int kWhole = distance >= 0 ? distance / kLanes : -((kLanes - 1 - distance) / kLanes);
    constexpr int kRest = distance - kWhole * kLanes;
    const int i = kParts + v + kWhole;
    if constexpr (kRest == 0)
      return squares[i];
    else
      return shift_in<kRest>(squares[i], squares[i + 1]);
  }

  template <int distance>
  KISSA_INLINE static void add_neighbours(const Squares& squares, int v, Vec& sum) {
    if constexpr (distance <= Reach) {
      sum += shifted<-distance>(squares, v) + shifted<distance>(squares, v);
      add_neighbours<distance + 1>(squares, v, sum);
    }
  }

  Vec scale_;
  Vec k_;
  Power power_;
};

template <class Norm>
KISSA_INLINE void normalise_run(const Neighbour& below, const float* own, const Neighbour& above,
                                std::int64_t pixels, const Norm& normalise, float* dst) {
  for (std::int64_t i = 0; i < pixels; ++i) {
    Vec y[kVecs];
    normalise(below.at(i), own + i * kBlock, above.at(i), y);
    KISSA_UNROLL(4)
    for (int v = 0; v < kVecs; ++v) store(dst + i * kBlock + v * kLanes, y[v]);
  }
}

template <class Norm>
void lrn_tile(const LrnTile& t, const Norm& normalise) {
  const float* own = t.src;
  for (std::int64_t b = 0; b < t.blocks; ++b, own += t.src_block) {
    const Neighbour below = neighbour(own - t.src_block, b > 0);
    const Neighbour above = neighbour(own + t.src_block, b + 1 < t.blocks);
    normalise_run(below, own, above, t.pixels, normalise, t.dst + b * t.dst_block);
  }
}

template <class Norm>
void pool_lrn_tile(const LrnPoolTile& t, const Norm& normalise) {
  alignas(64) float pooled[3][kPoolLrnColumns * kBlock];
  const auto pool_block = [&](std::int64_t b) {
    PoolTile block = t.pool;
    block.src += b * t.src_block;
    block.dst = pooled[b % 3];
    pool<Maximum>(block);
  };
  const std::int64_t places = t.pool.column_end - t.pool.column_begin;
  pool_block(0);
  for (std::int64_t b = 0; b < t.blocks; ++b) {
    if (b + 1 < t.blocks) pool_block(b + 1);
    const Neighbour below = neighbour(pooled[(b + 2) % 3], b > 0);
    const Neighbour above = neighbour(pooled[(b + 1) % 3], b + 1 < t.blocks);
    normalise_run(below, pooled[b % 3], above, places, normalise, t.pool.dst + b * t.dst_block);
  }
}

// The maxima of a normalised row's windows of 3 columns; visit(q, v, maximum) for each.
template <class Norm, class Visit>
KISSA_INLINE void normalised_maxima(const Neighbour& below, const float* own,
                                    const Neighbour& above, std::int64_t width, std::int64_t places,
                                    const Norm& normalise, const Visit& visit) {
  Vec last[kVecs];  // column 2 q
  normalise(below.at(0), own, above.at(0), last);
  for (std::int64_t q = 0; q < places; ++q) {
    Vec best[kVecs];
    KISSA_UNROLL(4)
    for (int v = 0; v < kVecs; ++v) best[v] = Maximum::fold(Maximum::start(), last[v]);
    KISSA_UNROLL(2)
    for (int i = 1; i <= 2; ++i) {
      // Behind the image the last column is taken once more, which changes no maximum.
      const std::int64_t x = 2 * q + i < width ? 2 * q + i : width - 1;
      normalise(below.at(x), own + x * kBlock, above.at(x), last);
      KISSA_UNROLL(4)
      for (int v = 0; v < kVecs; ++v) best[v] = Maximum::fold(best[v], last[v]);
    }
    KISSA_UNROLL(4)
    for (int v = 0; v < kVecs; ++v) visit(q, v, best[v]);
  }
}

template <class Norm>
void lrn_pool_tile(const LrnPoolTile& t, const Norm& normalise) {
  const PoolTile& pool = t.pool;
  const std::int64_t width = pool.columns.extent;
  const std::int64_t places = pool.column_end;
  std::int64_t end = 2 * (pool.row_end - 1) + 3;
  if (end > pool.rows.extent) end = pool.rows.extent;
  for (std::int64_t h = 2 * pool.row_begin; h < end; ++h) {
    // Row 2 p opens output row p and closes p - 1; row 2 p + 1 lies in p alone.
    const bool is_even = h % 2 == 0;
    const bool opens = is_even && h / 2 < pool.row_end;
    const bool continues = !is_even || h / 2 > pool.row_begin;
    float* first = pool.dst + (h / 2 - pool.row_begin) * pool.dst_row;
    float* dst = first - (is_even ? pool.dst_row : 0);
    const float* own = pool.src + h * width * kBlock;
    for (std::int64_t b = 0; b < t.blocks; ++b, own += t.src_block) {
      const Neighbour below = neighbour(own - t.src_block, b > 0);
      const Neighbour above = neighbour(own + t.src_block, b + 1 < t.blocks);
      normalised_maxima(below, own, above, width, places, normalise,
                        [&](std::int64_t q, int v, Vec best) {
                          const std::int64_t at = b * t.dst_block + q * kBlock + v * kLanes;
                          if (continues) store(dst + at, Maximum::fold(load(dst + at), best));
                          if (opens) store(first + at, best);
                        });
    }
  }
}

// Calls f with the Normalise for parameters that has_fast_lrn takes.
template <class F>
KISSA_INLINE void with_fast(const LrnParams& params, const F& f) {
  if (params.size == 3)
    f(Normalise<1, PowerThreeQuarters>(params));
  else
    f(Normalise<2, PowerThreeQuarters>(params));
}

template <class F>
KISSA_INLINE void with_any(const LrnParams& params, const F& f) {
  switch (params.size / 2) {
    case 0: return f(Normalise<0, AnyPower>(params));
    case 1: return f(Normalise<1, AnyPower>(params));
    case 2: return f(Normalise<2, AnyPower>(params));
    case 3: return f(Normalise<3, AnyPower>(params));
    case 4: return f(Normalise<4, AnyPower>(params));
    case 5: return f(Normalise<5, AnyPower>(params));
    case 6: return f(Normalise<6, AnyPower>(params));
    default: return f(Normalise<7, AnyPower>(params));
  }
}

void lrn(const LrnTile& tile) noexcept {
  const auto run = [&](const auto& normalise) { lrn_tile(tile, normalise); };
  if (has_fast_lrn(tile.params))
    with_fast(tile.params, run);
  else
    with_any(tile.params, run);
}
void pool_lrn(const LrnPoolTile& tile) noexcept {
  with_fast(tile.params, [&](const auto& normalise) { pool_lrn_tile(tile, normalise); });
}
void lrn_pool(const LrnPoolTile& tile) noexcept {
  with_fast(tile.params, [&](const auto& normalise) { lrn_pool_tile(tile, normalise); });
}

constexpr LrnKernels kLrnKernels = {.lrn = lrn, .pool_lrn = pool_lrn, .lrn_pool = lrn_pool};

}  // namespace
}  // namespace kissa::cpu
