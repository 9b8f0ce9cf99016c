// Caffe's LSTM and RNN, over T steps of N independent streams.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Inputs: x T x N x ...; cont T x N, by which the last step's state is multiplied (0 starts a
// stream anew); optionally a static input N x ... that every step sees; where expose_hidden, the
// state before the first step. Outputs: T x N x num_output; where expose_hidden, the state after
// the last step. States are 1 x N x num_output each. Without expose_hidden the state starts at 0 in
// every run; Caffe keeps it from one run to the next, which cont = 0 at the first step undoes.

// States: h, c. With D = num_output, gates i, f, o, g of D rows each in this order:
//   (i, f, o, g) = weight_x x + bias + weight_static x_static + weight_h (cont h)
//   c = cont sigmoid(f) c + sigmoid(i) tanh(g)
//   h = sigmoid(o) tanh(c), the output
// Parameters: weight_x 4D x X, bias 4D, weight_static 4D x S where there is a static input,
// weight_h 4D x D.
// Arithmetic: the products, the cell's sum; a step and unit: 4 additions of the bias (4 more of the
// static product), sigmoids at 3 operations, tanh, and the other multiplications.
struct Lstm {
  static constexpr std::string_view kName = "lstm";
  std::int64_t num_output = 0;
  bool expose_hidden = false;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Lstm&, const Lstm&) = default;
};

// State: h.
//   h = tanh(weight_x x + bias + weight_static x_static + weight_h (cont h))
//   output = tanh(weight_o h + bias_o)
// Parameters: weight_x D x X, bias D, weight_static D x S where there is a static input, weight_h
// D x D, weight_o D x D, bias_o D.
// Arithmetic: the products; a step and unit: 2 additions of a bias (1 more of the static product),
// two tanh and a multiplication by cont.
struct Rnn {
  static constexpr std::string_view kName = "rnn";
  std::int64_t num_output = 0;
  bool expose_hidden = false;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Rnn&, const Rnn&) = default;
};

static_assert(OpKind<Lstm> && HasParams<Lstm> && OpKind<Rnn> && HasParams<Rnn>);

}  // namespace kissa
