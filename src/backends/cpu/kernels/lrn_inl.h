// LRN across channels: y = x (k + scale * s)^-beta.
//
// A pixel's channels are taken one vector after the other, so that each is loaded and squared once.
// s comes by shifting neighbouring squares across lanes; for a window of 5 from sums of pairs:
//
//   squares     before [ .. 13 14 15 ]  own [ 0 1 2 ..   ]  next [ 0 1 .. ]
//   pairs p(c) = c^2 + (c + 1)^2:   s(c) = p(c - 2) + p(c) + (c + 2)^2       3 shifts, 3 additions
//
// In 16 bits, where even and odd channels are vectors of their own, the window of 5 takes 4 shifts
// and 5 additions for both, with pairs p(i) = even(i)^2 + odd(i)^2:
//   s_even(i) = p(i - 1) + p(i) + even(i + 1)^2,  s_odd(i) = odd(i - 1)^2 + p(i) + p(i + 1)
//
// For beta 3/4 the power comes from two estimates of 1/sqrt, t = r^2 / sqrt(r) = s^-3/4 with
// r = s^-1/2, and one step of third order:
//   e = 1 - s^3 t^4,  t += t e (1/4 + 5/32 e)      s^3 t^4 as (s t)^2 (s t^2): nothing overflows
// The step is left out where the estimates have 5 digits more than what is stored: 2.5 times the
// error of one, 1/25 of what storing BF16 rounds off.
// Any other window or power: squares in rows of memory, exp(-beta log s).
//
// Next to a pooling nothing is stored between the two:
//   pool_lrn normalises a pooled row while that is in L1;
//   lrn_pool folds each normalised row into the one or two output rows whose windows it lies in, so
//   that a row is normalised once and the output is the only buffer.
// Arithmetic bounds all three in cache, memory outside (docs/kernels/lrn.md).
#pragma once

#include "backends/cpu/kernels/lrn.h"
#include "backends/cpu/kernels/math_inl.h"
#include "backends/cpu/kernels/pool_inl.h"

namespace kissa::cpu {
namespace {

// bracket^-3/4
template <class Storage>
KISSA_INLINE Vec power_three_quarters(Vec bracket) {
  const Vec r = rsqrt_estimate(bracket);
  const Vec t = r * r * rsqrt_estimate(r);
  if constexpr (kRsqrtBits >= Storage::kDigits + 5) return t;
  const Vec u = bracket * t;
  const Vec e = 1.0f - (u * u) * (u * t);
  return t + (t * e) * (0.25f + e * 0.15625f);
}

// The sums of the squares of the channels within Reach, one vector of memory after the other.
template <int Reach, class Value>
class RunningSum;

template <int Reach>
class RunningSum<Reach, Vec> {
 public:
  KISSA_INLINE void start(Vec first) { before_ = Reach == 2 ? shift_in<1>(Vec{}, first) : Vec{}; }

  KISSA_INLINE Vec operator()(Vec own, Vec next) {
    if constexpr (Reach == 1) {
      const Vec sum = shift_in<kLanes - 1>(before_, own) + own + shift_in<1>(own, next);
      before_ = own;
      return sum;
    } else {
      const Vec pairs = own + shift_in<1>(own, next);
      const Vec sum = shift_in<kLanes - 2>(before_, pairs) + pairs + shift_in<2>(own, next);
      before_ = pairs;
      return sum;
    }
  }

 private:
  Vec before_;  // Reach 1: the squares of the vector before; 2: their sums of pairs
};

template <int Reach>
class RunningSum<Reach, Pair> {
 public:
  KISSA_INLINE void start(const Pair& first) {
    odd_before_ = Vec{};
    pairs_before_ = Vec{};
    pairs_ = first.even + first.odd;
  }

  KISSA_INLINE Pair operator()(const Pair& own, const Pair& next) {
    const Vec next_pairs = next.even + next.odd;
    const Vec below = shift_in<kLanes - 1>(odd_before_, own.odd);
    const Vec above = shift_in<1>(own.even, next.even);
    Pair sum;
    if constexpr (Reach == 1)
      sum = {below + pairs_, pairs_ + above};
    else
      sum = {shift_in<kLanes - 1>(pairs_before_, pairs_) + (pairs_ + above),
             (below + pairs_) + shift_in<1>(pairs_, next_pairs)};
    odd_before_ = own.odd;
    pairs_before_ = pairs_;
    pairs_ = next_pairs;
    return sum;
  }

 private:
  Vec odd_before_;    // squares of the vector before
  Vec pairs_before_;  // its sums of pairs
  Vec pairs_;         // the own ones
};

// Pixels of tensors with a window of 2 Reach + 1 channels and beta 3/4.
template <int Reach, class StorageOf>
class FastNormalise {
 public:
  using Storage = StorageOf;
  using Value = typename Storage::Value;

  explicit FastNormalise(const LrnParams& params)
      : scale_(broadcast(params.scale)), k_(broadcast(params.k)) {}

  // Calls visit(b, v, y) for each vector v of each block b of the N pixels at `src`, their blocks
  // `block` floats apart; y holds one Value a pixel.
  template <int N, class Visit>
  KISSA_INLINE void operator()(const float* const (&src)[N], std::int64_t blocks,
                               std::int64_t block, const Visit& visit) const {
    Pixel pixels[N];
    KISSA_UNROLL(2)
    for (int n = 0; n < N; ++n) pixels[n].start(Storage::read(src[n]));
    for (std::int64_t b = 0; b < blocks; ++b) {
      KISSA_UNROLL(4)
      for (int v = 0; v < kVecs; ++v) {
        Value y[N];
        KISSA_UNROLL(2)
        for (int n = 0; n < N; ++n) {
          const float* next = src[n] + b * block + (v + 1 < kVecs ? (v + 1) * kLanes : block);
          const bool is_last = v + 1 == kVecs && b + 1 == blocks;
          y[n] = pixels[n].step(*this, is_last ? Storage::widen(Vec{}) : Storage::read(next));
        }
        visit(b, v, y);
      }
    }
  }

 private:
  struct Pixel {
    Value x;
    Value square;
    RunningSum<Reach, Value> sum;

    KISSA_INLINE void start(const Value& first) {
      x = first;
      square = squared(first);
      sum.start(square);
    }
    // The result of the vector in x, which `next` takes the place of.
    KISSA_INLINE Value step(const FastNormalise& norm, const Value& next) {
      const Value next_square = squared(next);
      const auto normalised = [&norm](Vec each_x, Vec each_sum) {
        return each_x * power_three_quarters<Storage>(norm.k_ + norm.scale_ * each_sum);
      };
      const Value y = each(normalised, x, sum(square, next_square));
      x = next;
      square = next_square;
      return y;
    }
    KISSA_INLINE static Value squared(const Value& v) {
      return each([](Vec u) { return u * u; }, v);
    }
  };

  Vec scale_;
  Vec k_;
};

// One pixel of tensors with any window and power.
template <class StorageOf>
class AnyNormalise {
 public:
  using Storage = StorageOf;
  using Value = typename Storage::Value;

  explicit AnyNormalise(const LrnParams& params) : params_(params) {}

  template <class Visit>
  KISSA_INLINE void operator()(const float* const (&pixel)[1], std::int64_t blocks,
                               std::int64_t block, const Visit& visit) const {
    const float* src = pixel[0];
    Squares squares;
    squares.clear_ends(blocks * kBlock);
    for (std::int64_t b = 0; b < blocks; ++b)
      for (int i = 0; i < kBlock; i += kLanes)
        squares.set(b * kBlock + i, Storage::read(src + b * block + i));
    const int reach = params_.size / 2;
    for (std::int64_t b = 0; b < blocks; ++b)
      for (int v = 0; v < kVecs; ++v) {
        const std::int64_t at = b * kBlock + v * kLanes;
        const auto sum = Storage::of([&](int part) { return squares.sum(at, part, reach); });
        const auto normalised = [this](Vec x, Vec s) {
          return x * exp(log(params_.k + params_.scale * s) * -params_.beta);
        };
        const Value y[] = {each(normalised, Storage::read(src + b * block + v * kLanes), sum)};
        visit(b, v, y);
      }
  }

 private:
  // Of a pixel's channels, in a row for each part of a Value, with zeros at both ends.
  class Squares {
   public:
    void clear_ends(std::int64_t length) {
      for (auto& row : rows_) {
        __builtin_memset(row, 0, kEnd * sizeof(float));
        __builtin_memset(row + kEnd + length, 0, kEnd * sizeof(float));
      }
    }
    KISSA_INLINE void set(std::int64_t at, const Value& x) {
      const Value square = each([](Vec u) { return u * u; }, x);
      KISSA_UNROLL(2)
      for (int part = 0; part < kParts; ++part)
        store(rows_[part] + kEnd + at, Storage::part(square, part));
    }
    // Over the channels within `reach` of those in the part of a Value.
    KISSA_INLINE Vec sum(std::int64_t at, int part, int reach) const {
      Vec sum = {};
      for (int d = part - reach; d <= part + reach; ++d) {
        const int from_end = kEnd * kParts + d;
        sum += load(rows_[from_end % kParts] + at + from_end / kParts);
      }
      return sum;
    }

   private:
    static constexpr int kParts = Storage::kParts;
    static constexpr int kEnd = kMaxLrnSize / 2;
    alignas(64) float rows_[kParts][kEnd + kMaxLrnBlocks * kBlock + kEnd];
  };

  LrnParams params_;
};

// Calls f with the fast normalisation of these parameters.
template <class Storage, class F>
KISSA_INLINE void with_fast(const LrnParams& params, const F& f) {
  if (params.size == 3)
    f(FastNormalise<1, Storage>(params));
  else
    f(FastNormalise<2, Storage>(params));
}

template <class Normalise>
void lrn_tile(const LrnTile& t, const Normalise& normalise) {
  using Storage = typename Normalise::Storage;
  for (std::int64_t i = 0; i < t.pixels; ++i) {
    float* dst = t.dst + i * kBlock;
    normalise({t.src + i * kBlock}, t.blocks, t.src_block,
              [&](std::int64_t b, int v, const typename Normalise::Value(&y)[1]) {
                Storage::write(dst + b * t.dst_block + v * kLanes, y[0]);
              });
  }
}

template <class Storage>
void lrn(const LrnTile& tile) noexcept {
  if (has_fast_lrn(tile.params))
    with_fast<Storage>(tile.params, [&](const auto& normalise) { lrn_tile(tile, normalise); });
  else
    lrn_tile(tile, AnyNormalise<Storage>(tile.params));
}

template <class Storage>
void pool_lrn(const LrnPoolTile& t) noexcept {
  alignas(64) float pooled[kPoolLrnFloats];
  const std::int64_t places = t.pool.column_end - t.pool.column_begin;
  PoolTile block = t.pool;
  for (std::int64_t b = 0; b < t.blocks; ++b, block.src += t.src_block) {
    block.dst = pooled + b * places * kBlock;
    pool<Pooled<Maximum, Storage>>(block);
  }
  lrn<Storage>({.params = t.params,
                .blocks = t.blocks,
                .src = pooled,
                .src_block = places * kBlock,
                .dst = t.pool.dst,
                .dst_block = t.dst_block,
                .pixels = places});
}

// Where a normalised row of the image goes: into the maxima of the row of places `continued`, and
// as the first row of the windows `opened`. Null: none.
struct RowTargets {
  float* continued;
  float* opened;
};

// Rounding before a maximum or behind it is the same; this does it as seldom as possible.
template <class Normalise>
void fold_row(const LrnPoolTile& t, const Normalise& normalise, const float* src,
              const RowTargets& to) {
  using Storage = typename Normalise::Storage;
  using Value = typename Normalise::Value;
  using Max = Pooled<Maximum, Storage>;
  // Column 2 q of all blocks, not rounded.
  alignas(64) float last[kMaxLrnBlocks * kBlock * Storage::kParts];
  const auto last_at = [&](std::int64_t b, int v) {
    return last + (b * kBlock + v * kLanes) * Storage::kParts;
  };
  const std::int64_t width = t.pool.columns.extent;
  normalise({src}, t.blocks, t.src_block, [&](std::int64_t b, int v, const Value(&y)[1]) {
    Storage::store_wide(last_at(b, v), y[0]);
  });
  for (std::int64_t q = 0; q < t.pool.column_end; ++q) {
    // Behind the image the last column is taken once more, which changes no maximum.
    const std::int64_t x1 = 2 * q + 1 < width ? 2 * q + 1 : width - 1;
    const std::int64_t x2 = 2 * q + 2 < width ? 2 * q + 2 : width - 1;
    normalise({src + x1 * kBlock, src + x2 * kBlock}, t.blocks, t.src_block,
              [&](std::int64_t b, int v, const Value(&y)[2]) {
                float* first = last_at(b, v);
                Value best = Max::fold(Max::start(), Storage::load_wide(first));
                best = Max::fold(Max::fold(best, y[0]), y[1]);
                Storage::store_wide(first, y[1]);
                const Vec rounded = Storage::narrow(best);
                const std::int64_t at = b * t.dst_block + q * kBlock + v * kLanes;
                if (to.continued != nullptr) {
                  const Value both = Max::fold(Storage::widen(rounded), to.continued + at);
                  store(to.continued + at, Max::narrow(both));
                }
                if (to.opened != nullptr) store(to.opened + at, rounded);
              });
  }
}

template <class Storage>
void lrn_pool(const LrnPoolTile& t) noexcept {
  const PoolTile& pool = t.pool;
  std::int64_t end = 2 * (pool.row_end - 1) + 3;
  if (end > pool.rows.extent) end = pool.rows.extent;
  for (std::int64_t h = 2 * pool.row_begin; h < end; ++h) {
    // Row 2 p opens places p and is the last of p - 1; row 2 p + 1 lies in p alone.
    const std::int64_t p = h / 2;
    float* own = pool.dst + (p - pool.row_begin) * pool.dst_row;
    RowTargets to = {.continued = own, .opened = nullptr};
    if (h % 2 == 0)
      to = {.continued = p > pool.row_begin ? own - pool.dst_row : nullptr,
            .opened = p < pool.row_end ? own : nullptr};
    const float* src = pool.src + h * pool.columns.extent * kBlock;
    with_fast<Storage>(t.params, [&](const auto& normalise) { fold_row(t, normalise, src, to); });
  }
}

template <class Storage>
constexpr LrnKernels make_lrn_kernels() {
  return {.lrn = lrn<Storage>, .pool_lrn = pool_lrn<Storage>, .lrn_pool = lrn_pool<Storage>};
}

}  // namespace
}  // namespace kissa::cpu
