// Elementwise kernels: one pass, as fast as memory but where exp or log is taken.
#pragma once

#include "backends/cpu/kernels/activation_inl.h"
#include "backends/cpu/kernels/elementwise.h"
#include "backends/cpu/kernels/math_inl.h"
#include "backends/cpu/kernels/storage_inl.h"

namespace kissa::cpu {
namespace {

// Calls f(i, n) for the n elements from i on, vector by vector.
template <class F>
KISSA_INLINE void for_each_vec(std::int64_t count, const F& f) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) f(i, kLanes);
  if (i < count) f(i, count - i);
}

template <class Storage, class F>
KISSA_INLINE void map(const float* src, float* dst, std::int64_t count, const F& f) {
  for_each_vec(count, [&](std::int64_t i, std::int64_t n) {
    const auto x = Storage::widen(load_some(src + i, n));
    store_some(dst + i, Storage::narrow(each(f, x)), n);
  });
}

// x^p, p not 0. Within about |p log x| 2^-24 of it: the power is taken as exp(p log |x|).
KISSA_INLINE Vec power(Vec x, float p) {
  const Vec magnitude = exp(log(abs(x)) * p);
  const bool is_integer = __builtin_truncf(p) == p;
  const bool is_odd = is_integer && __builtin_fmodf(p, 2.0f) != 0.0f;
  if (is_odd) return with_sign(magnitude, x);
  return is_integer ? magnitude : select(x < 0.0f, broadcast(__builtin_nanf("")), magnitude);
}

template <class Storage>
void unary(const UnaryOp& op, const float* src, float* dst, std::int64_t count) noexcept {
  const Vec a = broadcast(op.a);
  const Vec b = broadcast(op.b);
  const Vec c = broadcast(op.c);
  const Vec zero = {};
  const auto apply = [&](const auto& f) { map<Storage>(src, dst, count, f); };
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

// The parameters of a ChannelRun that one Value of elements needs.
template <class Value>
struct ChannelValues {
  Value center, scale, shift;
};

// read(p): the parameters at p.
template <class Storage, class Read>
KISSA_INLINE auto channel_values(const ChannelRun& run, const Read& read) {
  const auto all = [](float x) { return Storage::of([x](int) { return broadcast(x); }); };
  return ChannelValues<typename Storage::Value>{
      run.center == nullptr ? all(0.0f) : read(run.center),
      run.scale == nullptr ? all(1.0f) : read(run.scale),
      run.shift == nullptr ? all(0.0f) : read(run.shift)};
}

template <class Value>
KISSA_INLINE Value apply_channel(bool prelu, const ChannelValues<Value>& p, const Value& x) {
  if (prelu) return each([](Vec v, Vec slope) { return leaky_relu(v, slope); }, x, p.scale);
  const auto scaled = [](Vec v, Vec center, Vec scale, Vec shift) {
    return (v - center) * scale + shift;
  };
  return each(scaled, x, p.center, p.scale, p.shift);
}

void channel_one(const ChannelRun& run) noexcept {
  const auto p = channel_values<Fp32Storage>(run, [](const float* q) { return broadcast(*q); });
  map<Fp32Storage>(run.src, run.dst, run.count,
                   [&](Vec x) { return apply_channel(run.prelu, p, x); });
}

void channel_each(const ChannelRun& run) noexcept {
  for_each_vec(run.count, [&](std::int64_t i, std::int64_t n) {
    const auto p =
        channel_values<Fp32Storage>(run, [&](const float* q) { return load_some(q + i, n); });
    store_some(run.dst + i, apply_channel(run.prelu, p, load_some(run.src + i, n)), n);
  });
}

template <class Storage>
void channel_block(const ChannelRun& run) noexcept {
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    const auto p = channel_values<Storage>(
        run, [&](const float* q) { return Storage::load_in_order(q + lane * Storage::kParts); });
    for (std::int64_t i = 0; i < run.count; ++i) {
      const std::int64_t at = i * kBlock + lane;
      const auto x = Storage::widen(load(run.src + at));
      store(run.dst + at, Storage::narrow(apply_channel(run.prelu, p, x)));
    }
  }
}

// term(k, x): the k-th term of the combination; join(acc, x).
template <class Storage, class Term, class Join>
KISSA_INLINE void combine_terms(const CombineRun& run, const Term& term, const Join& join) {
  for_each_vec(run.count, [&](std::int64_t i, std::int64_t n) {
    const auto term_at = [&](int k) {
      const auto x = Storage::widen(load_some(run.src[k] + i, n));
      return each([&term, k](Vec v) { return term(k, v); }, x);
    };
    auto acc = term_at(0);
    for (int k = 1; k < run.inputs; ++k) acc = each(join, acc, term_at(k));
    const auto y = each([&run](Vec v) { return activate(run.activation, v); }, acc);
    store_some(run.dst + i, Storage::narrow(y), n);
  });
}

template <class Storage>
void combine(const CombineRun& run) noexcept {
  const auto same = [](int, Vec x) { return x; };
  const auto weighted = [&](int k, Vec x) { return x * broadcast(run.coefficients[k]); };
  const auto add = [](Vec acc, Vec x) { return acc + x; };
  const auto multiply = [](Vec acc, Vec x) { return acc * x; };
  const auto larger = [](Vec acc, Vec x) { return max(x, acc); };
  switch (run.kind) {
    case CombineKind::kProduct: return combine_terms<Storage>(run, same, multiply);
    case CombineKind::kMax: return combine_terms<Storage>(run, same, larger);
    case CombineKind::kSum:
      return run.coefficients == nullptr ? combine_terms<Storage>(run, same, add)
                                         : combine_terms<Storage>(run, weighted, add);
  }
}

template <class Storage>
constexpr ElementwiseKernels make_elementwise_kernels() {
  return {.unary = unary<Storage>,
          .channel_block = channel_block<Storage>,
          .combine = combine<Storage>};
}

constexpr ChannelRowKernels kChannelRowKernels = {.one = channel_one, .each = channel_each};

}  // namespace
}  // namespace kissa::cpu
