// y = f(x), one element at a time: the ops that keep the shape and look at nothing else.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Gives an op its shape rule, arithmetic and reference from two members:
//   static constexpr int kOperations;   // arithmetic operations an element
//   float apply(float x) const;
// and, where its parameters can be wrong, void check() const, which throws kInvalidModel.
template <class Self>
struct Elementwise {
  Shapes infer(const Shapes& in) const {
    expect_inputs(in, 1);
    self().check();
    return in;
  }
  Arithmetic arithmetic(const Shapes& in, const Shapes&) const {
    return {0, in[0].elements() * Self::kOperations};
  }
  void reference(ConstTensors x, Tensors y) const {
    const std::int64_t count = x[0].shape.elements();
    for (std::int64_t i = 0; i < count; ++i) y[0].data[i] = self().apply(x[0].data[i]);
  }
  void check() const {}
  std::string describe() const { return {}; }
  static constexpr bool is_elementwise() { return true; }
  friend bool operator==(const Elementwise&, const Elementwise&) = default;

 private:
  const Self& self() const { return static_cast<const Self&>(*this); }
};

// |x|
struct AbsVal : Elementwise<AbsVal> {
  static constexpr std::string_view kName = "absval";
  static constexpr int kOperations = 1;
  float apply(float x) const;
  friend bool operator==(const AbsVal&, const AbsVal&) = default;
};

// log(1 + exp(x))
struct Bnll : Elementwise<Bnll> {
  static constexpr std::string_view kName = "bnll";
  static constexpr int kOperations = 3;
  float apply(float x) const;
  friend bool operator==(const Bnll&, const Bnll&) = default;
};

// max(min, min(x, max))
struct Clip : Elementwise<Clip> {
  static constexpr std::string_view kName = "clip";
  static constexpr int kOperations = 2;
  float min = 0.0f;
  float max = 0.0f;
  float apply(float x) const;
  std::string describe() const;
  friend bool operator==(const Clip&, const Clip&) = default;
};

// x where x > 0, else alpha * (exp(x) - 1)
struct Elu : Elementwise<Elu> {
  static constexpr std::string_view kName = "elu";
  static constexpr int kOperations = 4;
  float alpha = 1.0f;
  float apply(float x) const;
  std::string describe() const;
  friend bool operator==(const Elu&, const Elu&) = default;
};

// base ^ (shift + scale * x); base -1 stands for e
struct Exp : Elementwise<Exp> {
  static constexpr std::string_view kName = "exp";
  static constexpr int kOperations = 3;
  float base = -1.0f;
  float scale = 1.0f;
  float shift = 0.0f;
  void check() const;
  float apply(float x) const;
  std::string describe() const;
  friend bool operator==(const Exp&, const Exp&) = default;
};

// The logarithm to `base` of (shift + scale * x); base -1 stands for e
struct Log : Elementwise<Log> {
  static constexpr std::string_view kName = "log";
  static constexpr int kOperations = 4;
  float base = -1.0f;
  float scale = 1.0f;
  float shift = 0.0f;
  void check() const;
  float apply(float x) const;
  std::string describe() const;
  friend bool operator==(const Log&, const Log&) = default;
};

// (shift + scale * x) ^ power
struct Power : Elementwise<Power> {
  static constexpr std::string_view kName = "power";
  static constexpr int kOperations = 3;
  float power = 1.0f;
  float scale = 1.0f;
  float shift = 0.0f;
  float apply(float x) const;
  std::string describe() const;
  friend bool operator==(const Power&, const Power&) = default;
};

// max(x, 0) + negative_slope * min(x, 0)
struct Relu : Elementwise<Relu> {
  static constexpr std::string_view kName = "relu";
  static constexpr int kOperations = 1;
  float negative_slope = 0.0f;
  float apply(float x) const;
  std::string describe() const;
  friend bool operator==(const Relu&, const Relu&) = default;
};

// 1 / (1 + exp(-x))
struct Sigmoid : Elementwise<Sigmoid> {
  static constexpr std::string_view kName = "sigmoid";
  static constexpr int kOperations = 3;
  float apply(float x) const;
  friend bool operator==(const Sigmoid&, const Sigmoid&) = default;
};

// x / (1 + exp(-beta * x))
struct Swish : Elementwise<Swish> {
  static constexpr std::string_view kName = "swish";
  static constexpr int kOperations = 4;
  float beta = 1.0f;
  float apply(float x) const;
  std::string describe() const;
  friend bool operator==(const Swish&, const Swish&) = default;
};

// tanh(x)
struct TanH : Elementwise<TanH> {
  static constexpr std::string_view kName = "tanh";
  static constexpr int kOperations = 1;
  float apply(float x) const;
  friend bool operator==(const TanH&, const TanH&) = default;
};

// 1 where x > threshold, else 0
struct Threshold : Elementwise<Threshold> {
  static constexpr std::string_view kName = "threshold";
  static constexpr int kOperations = 1;
  float threshold = 0.0f;
  float apply(float x) const;
  std::string describe() const;
  friend bool operator==(const Threshold&, const Threshold&) = default;
};

static_assert(OpKind<AbsVal> && OpKind<Bnll> && OpKind<Clip> && OpKind<Elu> && OpKind<Exp> &&
              OpKind<Log> && OpKind<Power> && OpKind<Relu> && OpKind<Sigmoid> && OpKind<Swish> &&
              OpKind<TanH> && OpKind<Threshold>);

}  // namespace kissa
