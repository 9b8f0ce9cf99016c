// Elementwise kernels: one pass, as fast as memory but where exp or log is taken.
#pragma once

#include "backends/cpu/kernels/activation_inl.h"
#include "backends/cpu/kernels/elementwise.h"
#include "backends/cpu/kernels/math_inl.h"

namespace kissa::cpu {
namespace {

// `count` floats, kLanes or, at a run's end, fewer.
KISSA_INLINE Vec load_some(const float* p, std::int64_t count) {
  return count == kLanes ? load(p) : load_part(p, count, 0.0f);
}
KISSA_INLINE void store_some(float* p, Vec v, std::int64_t count) {
  if (count == kLanes)
    store(p, v);
  else
    store_part(p, v, count);
}

// Calls f(i, n) for the n elements from i on, vector by vector.
template <class F>
KISSA_INLINE void for_each_vec(std::int64_t count, const F& f) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) f(i, kLanes);
  if (i < count) f(i, count - i);
}

template <class F>
KISSA_INLINE void map(const float* src, float* dst, std::int64_t count, const F& f) {
  for_each_vec(count, [&](std::int64_t i, std::int64_t n) {
    store_some(dst + i, f(load_some(src + i, n)), n);
  });
}

KISSA_INLINE Vec leaky_relu(Vec x, Vec slope) { return max(Vec{}, x) + slope * min(Vec{}, x); }

// x^p, p not 0. Within about |p log x| 2^-24 of it: the power is taken as exp(p log |x|).
KISSA_INLINE Vec power(Vec x, float p) {
  const Vec magnitude = exp(log(abs(x)) * p);
  const bool is_integer = __builtin_truncf(p) == p;
  const bool is_odd = is_integer && __builtin_fmodf(p, 2.0f) != 0.0f;
  if (is_odd) return with_sign(magnitude, x);
  return is_integer ? magnitude : select(x < 0.0f, broadcast(__builtin_nanf("")), magnitude);
}

void unary(const UnaryOp& op, const float* src, float* dst, std::int64_t count) noexcept {
  const Vec a = broadcast(op.a);
  const Vec b = broadcast(op.b);
  const Vec c = broadcast(op.c);
  const Vec zero = {};
  const auto apply = [&](const auto& f) { map(src, dst, count, f); };
  switch (op.kind) {
    case UnaryKind::kAbs: return apply([](Vec x) { return abs(x); });
    case UnaryKind::kBnll: return apply([&](Vec x) { return max(zero, x) + log1p(exp(-abs(x))); });
    case UnaryKind::kClip: return apply([&](Vec x) { return max(min(b, x), a); });
    case UnaryKind::kConstant: return apply([&](Vec) { return a; });
    case UnaryKind::kElu:
      return apply([&](Vec x) { return max(zero, x) + a * expm1(min(zero, x)); });
    case UnaryKind::kExp: return apply([&](Vec x) { return exp(a * x + b); });
    case UnaryKind::kLinear: return apply([&](Vec x) { return a * x + b; });
    case UnaryKind::kLog: return apply([&](Vec x) { return c * log(a * x + b); });
    case UnaryKind::kPower: return apply([&](Vec x) { return power(a * x + b, op.c); });
    case UnaryKind::kRelu: return apply([&](Vec x) { return leaky_relu(x, a); });
    case UnaryKind::kSigmoid: return apply([](Vec x) { return sigmoid(x); });
    case UnaryKind::kSquare: return apply([&](Vec x) { return (a * x + b) * (a * x + b); });
    case UnaryKind::kSwish: return apply([&](Vec x) { return x * sigmoid(a * x); });
    case UnaryKind::kTanh: return apply([](Vec x) { return tanh(x); });
    case UnaryKind::kThreshold:
      return apply([&](Vec x) { return select(x > a, broadcast(1.0f), zero); });
  }
}

// The parameters of a ChannelRun that one vector of elements needs.
struct ChannelVec {
  Vec center, scale, shift;
};

// read(p): the parameter at p.
template <class Read>
KISSA_INLINE ChannelVec channel_vec(const ChannelRun& run, const Read& read) {
  return {run.center == nullptr ? Vec{} : read(run.center),
          run.scale == nullptr ? broadcast(1.0f) : read(run.scale),
          run.shift == nullptr ? Vec{} : read(run.shift)};
}

KISSA_INLINE Vec apply_channel(bool prelu, const ChannelVec& p, Vec x) {
  return prelu ? leaky_relu(x, p.scale) : (x - p.center) * p.scale + p.shift;
}

void channel_one(const ChannelRun& run) noexcept {
  const ChannelVec p = channel_vec(run, [](const float* q) { return broadcast(*q); });
  map(run.src, run.dst, run.count, [&](Vec x) { return apply_channel(run.prelu, p, x); });
}

void channel_each(const ChannelRun& run) noexcept {
  for_each_vec(run.count, [&](std::int64_t i, std::int64_t n) {
    const ChannelVec p = channel_vec(run, [&](const float* q) { return load_some(q + i, n); });
    store_some(run.dst + i, apply_channel(run.prelu, p, load_some(run.src + i, n)), n);
  });
}

void channel_block(const ChannelRun& run) noexcept {
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    const ChannelVec p = channel_vec(run, [&](const float* q) { return load(q + lane); });
    for (std::int64_t i = 0; i < run.count; ++i) {
      const std::int64_t at = i * kBlock + lane;
      store(run.dst + at, apply_channel(run.prelu, p, load(run.src + at)));
    }
  }
}

// term(k, x): the k-th term of the combination; join(acc, x).
template <class Term, class Join>
KISSA_INLINE void combine_terms(const CombineRun& run, const Term& term, const Join& join) {
  for_each_vec(run.count, [&](std::int64_t i, std::int64_t n) {
    Vec acc = term(0, load_some(run.src[0] + i, n));
    for (int k = 1; k < run.inputs; ++k) acc = join(acc, term(k, load_some(run.src[k] + i, n)));
    store_some(run.dst + i, activate(run.activation, acc), n);
  });
}

void combine(const CombineRun& run) noexcept {
  const auto same = [](int, Vec x) { return x; };
  const auto weighted = [&](int k, Vec x) { return x * broadcast(run.coefficients[k]); };
  const auto add = [](Vec acc, Vec x) { return acc + x; };
  switch (run.kind) {
    case CombineKind::kProduct:
      return combine_terms(run, same, [](Vec acc, Vec x) { return acc * x; });
    case CombineKind::kMax:
      return combine_terms(run, same, [](Vec acc, Vec x) { return max(x, acc); });
    case CombineKind::kSum:
      return run.coefficients == nullptr ? combine_terms(run, same, add)
                                         : combine_terms(run, weighted, add);
  }
}

constexpr ElementwiseKernels kElementwiseKernels = {.unary = unary,
                                                    .channel_one = channel_one,
                                                    .channel_each = channel_each,
                                                    .channel_block = channel_block,
                                                    .combine = combine};

}  // namespace
}  // namespace kissa::cpu
