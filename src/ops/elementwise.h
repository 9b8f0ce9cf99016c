// y = f(x), one element at a time: the ops that keep the shape and look at nothing else.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Gives an op its shape rule, arithmetic and reference from two members:
//   static constexpr int kOperations;   // arithmetic operations an element
//   float apply(float x) const;
template <class Self>
struct Elementwise {
  Shapes infer(const Shapes& in) const {
    expect_inputs(in, 1);
    return in;
  }
  Arithmetic arithmetic(const Shapes& in, const Shapes&) const {
    return {0, in[0].elements() * Self::kOperations};
  }
  void reference(ConstTensors x, Tensors y) const {
    const auto& self = static_cast<const Self&>(*this);
    const std::int64_t count = x[0].shape.elements();
    for (std::int64_t i = 0; i < count; ++i) y[0].data[i] = self.apply(x[0].data[i]);
  }
  std::string describe() const { return {}; }
  friend bool operator==(const Elementwise&, const Elementwise&) = default;
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

// tanh(x)
struct TanH : Elementwise<TanH> {
  static constexpr std::string_view kName = "tanh";
  static constexpr int kOperations = 1;
  float apply(float x) const;
  friend bool operator==(const TanH&, const TanH&) = default;
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

static_assert(OpKind<Relu> && OpKind<Sigmoid> && OpKind<TanH> && OpKind<Power>);

}  // namespace kissa
