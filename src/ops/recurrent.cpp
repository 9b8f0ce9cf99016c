#include "ops/recurrent.h"

#include <algorithm>
#include <cmath>

namespace kissa {
namespace {

constexpr std::int64_t kGates = 4;  // of an LSTM: i, f, o, g

// The extents of a recurrent op's inputs. An extent of the static input is 0 where there is none.
struct SequenceExtents {
  std::int64_t steps;
  std::int64_t streams;
  std::int64_t x;
  std::int64_t fixed;  // the static input
  bool has_fixed;
};

// Throws kInvalidModel where the inputs do not fit. `states`: how many the op has.
SequenceExtents extents_of(const Shapes& in, std::int64_t num_output, bool expose_hidden,
                           std::size_t states) {
  const std::size_t hidden = expose_hidden ? states : 0;
  if (num_output <= 0 || num_output > INT32_MAX)
    fail(ErrorCode::kInvalidModel, "num_output {} must be in 1 to {}", num_output, INT32_MAX);
  if (in.size() != 2 + hidden && in.size() != 3 + hidden)
    fail(ErrorCode::kInvalidModel, "takes {} inputs, or {} with a static one, not {}", 2 + hidden,
         3 + hidden, in.size());
  if (in[0].rank() < 2)
    fail(ErrorCode::kInvalidModel, "takes an input of at least 2 axes (T, N), not {}",
         in[0].to_string());
  const Shape cont = {in[0][0], in[0][1]};
  if (in[1] != cont)
    fail(ErrorCode::kInvalidModel, "the second input must be {}, not {}", cont.to_string(),
         in[1].to_string());
  SequenceExtents extents = {.steps = cont[0],
                             .streams = cont[1],
                             .x = in[0].product(2, in[0].rank()),
                             .fixed = 0,
                             .has_fixed = in.size() == 3 + hidden};
  if (extents.has_fixed) {
    if (in[2].rank() < 1 || in[2][0] != extents.streams)
      fail(ErrorCode::kInvalidModel, "the static input must be {} x ..., not {}", extents.streams,
           in[2].to_string());
    extents.fixed = in[2].product(1, in[2].rank());
  }
  const Shape state = {1, extents.streams, num_output};
  for (std::size_t i = in.size() - hidden; i < in.size(); ++i)
    if (in[i] != state)
      fail(ErrorCode::kInvalidModel, "a hidden state must be {}, not {}", state.to_string(),
           in[i].to_string());
  return extents;
}

Shapes outputs_of(const SequenceExtents& extents, std::int64_t num_output, std::size_t exposed) {
  Shapes out = {{extents.steps, extents.streams, num_output}};
  out.resize(1 + exposed, {1, extents.streams, num_output});
  return out;
}

// sums[r] += weight[r] . x for each row r of a matrix of sums.size() rows.
void add_product(const float* weight, const float* x, std::int64_t columns,
                 std::vector<double>& sums) {
  for (double& sum : sums)
    for (std::int64_t i = 0; i < columns; ++i) sum += static_cast<double>(*weight++) * x[i];
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// What flows in, what was learned, and how much of each there is.
struct Bound {
  SequenceExtents extents;
  ConstTensors inputs;
  ConstTensors params;
  const float* weight_h;
};

// `learned`: the number of parameters of an op without a static input, which adds one.
Bound bind(ConstTensors x, std::int64_t num_output, bool expose_hidden, std::size_t states,
           std::size_t learned) {
  const std::size_t without_static = 2 + (expose_hidden ? states : 0);
  const bool has_static = x.size() > without_static + learned;
  const std::size_t count = without_static + (has_static ? 1 : 0);
  Shapes in;
  for (const ConstTensor& tensor : x.first(count)) in.push_back(tensor.shape);
  return {extents_of(in, num_output, expose_hidden, states), x.first(count), x.subspan(count),
          x[count + (has_static ? 3 : 2)].data};
}

using State = std::vector<std::vector<float>>;  // h first

// Runs every stream step by step. `step(sums, cont, state, out)` gets the sum of bias and products
// and updates the state, whose h has been multiplied by cont.
template <class Step>
void run(const Bound& op, std::size_t states, bool expose_hidden, Tensors y, Step&& step) {
  const auto& [extents, inputs, params, weight_h] = op;
  const std::int64_t units = y[0].shape[2];
  const float* bias = params[1].data;
  for (std::int64_t n = 0; n < extents.streams; ++n) {
    State state(states, std::vector<float>(static_cast<std::size_t>(units), 0.0f));
    for (std::size_t s = 0; expose_hidden && s < states; ++s)
      std::copy_n(inputs[inputs.size() - states + s].data + n * units, units, state[s].begin());
    for (std::int64_t t = 0; t < extents.steps; ++t) {
      const std::int64_t at = t * extents.streams + n;
      const float cont = inputs[1].data[at];
      std::vector<double> sums(bias, bias + params[1].shape[0]);
      add_product(params[0].data, inputs[0].data + at * extents.x, extents.x, sums);
      if (extents.has_fixed)
        add_product(params[2].data, inputs[2].data + n * extents.fixed, extents.fixed, sums);
      for (float& h : state[0]) h *= cont;
      add_product(weight_h, state[0].data(), units, sums);
      step(sums, cont, state, y[0].data + at * units);
    }
    for (std::size_t s = 0; expose_hidden && s < states; ++s)
      std::copy_n(state[s].begin(), units, y[1 + s].data + n * units);
  }
}

std::string describe_recurrent(std::int64_t num_output, bool expose_hidden) {
  return fmt::format("{} outputs{}", num_output, expose_hidden ? ", hidden state exposed" : "");
}

}  // namespace

std::vector<ParamSpec> Lstm::params(const Shapes& in) const {
  const SequenceExtents extents = extents_of(in, num_output, expose_hidden, 2);
  const std::int64_t rows = kGates * num_output;
  std::vector<ParamSpec> params = {{"weight_x", {rows, extents.x}}, {"bias", {rows}}};
  if (extents.has_fixed) params.push_back({"weight_static", {rows, extents.fixed}});
  params.push_back({"weight_h", {rows, num_output}});
  return params;
}

Shapes Lstm::infer(const Shapes& in) const {
  return outputs_of(extents_of(in, num_output, expose_hidden, 2), num_output,
                    expose_hidden ? 2 : 0);
}

Arithmetic Lstm::arithmetic(const Shapes& in, const Shapes& out) const {
  const SequenceExtents extents = extents_of(in, num_output, expose_hidden, 2);
  const std::int64_t units = out[0].elements();
  const std::int64_t static_rows = count_of(extents.streams, kGates * num_output);
  return {count_of(kGates * units, extents.x + num_output) + count_of(static_rows, extents.fixed) +
              units,
          (extents.has_fixed ? 23 : 19) * units};
}

void Lstm::reference(ConstTensors x, Tensors y) const {
  const auto units = static_cast<std::size_t>(num_output);
  run(bind(x, num_output, expose_hidden, 2, 3), 2, expose_hidden, y,
      [&](const std::vector<double>& sums, float cont, State& state, float* out) {
        for (std::size_t d = 0; d < units; ++d) {
          const double i = sigmoid(sums[d]);
          const double f = cont * sigmoid(sums[units + d]);
          const double o = sigmoid(sums[2 * units + d]);
          const double g = std::tanh(sums[3 * units + d]);
          const double c = f * state[1][d] + i * g;
          state[1][d] = static_cast<float>(c);
          state[0][d] = out[d] = static_cast<float>(o * std::tanh(c));
        }
      });
}

std::string Lstm::describe() const { return describe_recurrent(num_output, expose_hidden); }

std::vector<ParamSpec> Rnn::params(const Shapes& in) const {
  const SequenceExtents extents = extents_of(in, num_output, expose_hidden, 1);
  std::vector<ParamSpec> params = {{"weight_x", {num_output, extents.x}}, {"bias", {num_output}}};
  if (extents.has_fixed) params.push_back({"weight_static", {num_output, extents.fixed}});
  params.push_back({"weight_h", {num_output, num_output}});
  params.push_back({"weight_o", {num_output, num_output}});
  params.push_back({"bias_o", {num_output}});
  return params;
}

Shapes Rnn::infer(const Shapes& in) const {
  return outputs_of(extents_of(in, num_output, expose_hidden, 1), num_output,
                    expose_hidden ? 1 : 0);
}

Arithmetic Rnn::arithmetic(const Shapes& in, const Shapes& out) const {
  const SequenceExtents extents = extents_of(in, num_output, expose_hidden, 1);
  const std::int64_t units = out[0].elements();
  const std::int64_t static_rows = count_of(extents.streams, num_output);
  return {count_of(units, extents.x + 2 * num_output) + count_of(static_rows, extents.fixed),
          (extents.has_fixed ? 6 : 5) * units};
}

void Rnn::reference(ConstTensors x, Tensors y) const {
  const float* weight_o = x[x.size() - 2].data;
  const float* bias_o = x[x.size() - 1].data;
  run(bind(x, num_output, expose_hidden, 1, 5), 1, expose_hidden, y,
      [&](const std::vector<double>& sums, float, State& state, float* out) {
        std::transform(sums.begin(), sums.end(), state[0].begin(),
                       [](double sum) { return static_cast<float>(std::tanh(sum)); });
        std::vector<double> products(bias_o, bias_o + num_output);
        add_product(weight_o, state[0].data(), num_output, products);
        std::transform(products.begin(), products.end(), out,
                       [](double sum) { return static_cast<float>(std::tanh(sum)); });
      });
}

std::string Rnn::describe() const { return describe_recurrent(num_output, expose_hidden); }

}  // namespace kissa
