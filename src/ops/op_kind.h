// What every op offers. An op is a value type: its parameters, the rule for its output shapes, its
// exact arithmetic, and a plain reference, which is the oracle of every faster version.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/tensor.h"

namespace kissa {

using Shapes = std::vector<Shape>;

// Exact counts (up to 2^55 each: count_of). A multiply followed by an add of its product is one
// multiply-add; everything else (comparison, addition, division, exp, ...) is one other operation
// each.
struct Arithmetic {
  std::int64_t multiply_adds = 0;
  std::int64_t other = 0;
  std::int64_t flops() const { return 2 * multiply_adds + other; }
  friend bool operator==(const Arithmetic&, const Arithmetic&) = default;
};

// A learned tensor that the op needs besides its inputs.
struct ParamSpec {
  std::string_view name;  // "weight", "bias", ...
  Shape shape;
};

// x: the inputs, then the parameters in the order of params(). y: the outputs. Inputs and outputs
// never overlap. Each output element is written.
using ConstTensors = std::span<const ConstTensor>;
using Tensors = std::span<const Tensor>;

template <class T>
concept OpKind = requires(const T& op, const Shapes& in, const Shapes& out, ConstTensors x,
                          Tensors y) {
  { T::kName } -> std::convertible_to<std::string_view>;  // snake_case
  // The output shapes. Throws kInvalidModel where the op cannot take such inputs.
  { op.infer(in) } -> std::same_as<Shapes>;
  { op.arithmetic(in, out) } -> std::same_as<Arithmetic>;
  op.reference(x, y);
  // "kernel 3x3, stride 1" for people; empty where there is nothing to say.
  { op.describe() } -> std::same_as<std::string>;
  requires std::equality_comparable<T>;
};

// An op with learned tensors has, besides:
//   std::vector<ParamSpec> params(const Shapes& in) const;   // for inputs that infer takes
// An op whose output is its input's memory says so:
//   static constexpr bool kIsView = true;
// and one whose output element i looks at no element of its first input but i:
//   bool is_elementwise() const;
// An op whose outputs hold as much as its data gives, and no more than infer says, along an axis:
//   static constexpr int kCountedAxis = 0;
// Then its last output is a scalar: how much of that axis the others hold. What lies behind is 0.
// An op that reads its inputs' shapes but none of their elements:
//   static constexpr bool kReadsShapesOnly = true;
template <class T>
concept HasParams = requires(const T& op, const Shapes& in) {
  { op.params(in) } -> std::same_as<std::vector<ParamSpec>>;
};

// a * b of counts that are not negative, and 2^55 where the product is larger, so that totals over
// a whole network cannot overflow either.
inline std::int64_t count_of(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t kMax = std::int64_t{1} << 55;
  return b != 0 && a > kMax / b ? kMax : a * b;
}

inline void expect_inputs(const Shapes& in, std::size_t count) {
  if (in.size() != count)
    fail(ErrorCode::kInvalidModel, "takes {} input(s), not {}", count, in.size());
}

}  // namespace kissa
