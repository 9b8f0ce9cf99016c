// Caffe's recurrent layers, whose `cont` input may start a stream anew at any step: ONNX's own LSTM
// and RNN cannot, so the steps are the body of a Scan. What needs no state stands in front of it.
#include "export/onnx_ops.h"

namespace kissa::onnx {
namespace {

struct Extents {
  std::int64_t steps;
  std::int64_t streams;
  std::int64_t units;
};

Extents extents_of(const NodeWriter& w) {
  return {w.output_shape()[0], w.output_shape()[1], w.output_shape()[2]};
}

// x . weight^T (+ bias) over the rows of a tensor taken as `rows` x ...
std::string product(NodeWriter& w, const std::string& x, std::int64_t rows, const Shape& shape,
                    Names weights) {
  const std::int64_t columns = rows == 0 ? 0 : shape.elements() / rows;
  Names inputs = {w.reshaped(x, {rows, columns})};
  inputs.insert(inputs.end(), weights.begin(), weights.end());
  return w.add("Gemm", inputs, {{"transB", 1}});
}

// weight_x x + bias + weight_static x_static for all steps: T x N x rows of weight_x.
std::string products_of_inputs(NodeWriter& w, bool has_static) {
  const auto [steps, streams, units] = extents_of(w);
  const std::int64_t rows = w.param_shape(0)[0];
  const std::string sums =
      product(w, w.input(0), steps * streams, w.input_shape(0), {w.param(0), w.param(1)});
  const std::string x = w.reshaped(sums, {steps, streams, rows});
  if (!has_static) return x;
  return w.add("Add", {x, product(w, w.input(2), streams, w.input_shape(2), {w.param(2)})});
}

// The names inside of the body.
struct Step {
  Body body = {};
  Names states = {};  // h first, N x units each
  std::string gates = {};
  std::string cont = {};
  std::string h_product = {};  // weight_h (cont h)
};

Step begin_step(NodeWriter& w, int states, const std::string& weight_h, std::int64_t rows) {
  const auto [steps, streams, units] = extents_of(w);
  Step step;
  for (int i = 0; i < states; ++i) {
    step.states.push_back(w.new_name("state"));
    step.body.add_input(step.states.back(), {streams, units});
  }
  step.gates = w.new_name("gates");
  step.body.add_input(step.gates, {streams, rows});
  step.cont = w.new_name("cont");
  step.body.add_input(step.cont, {streams, 1});
  const std::string h = w.add_in(step.body, "Mul", {step.states[0], step.cont});
  step.h_product = w.add_in(step.body, "Gemm", {h, weight_h}, {{"transB", 1}});
  return step;
}

// Ends the body with the new states and runs it over all steps. The node's outputs behind the first
// are the last states where they are exposed. Returns h of all steps: T x N x units.
std::string run_steps(NodeWriter& w, Step step, const Names& new_states, const std::string& gates,
                      bool expose_hidden) {
  const auto [steps, streams, units] = extents_of(w);
  const auto states = static_cast<int>(new_states.size());
  for (const std::string& state : new_states) step.body.add_output(state, {streams, units});
  step.body.add_output(w.add_in(step.body, "Identity", {new_states[0]}), {streams, units});

  Names inputs;
  for (int i = 0; i < states; ++i)
    inputs.push_back(
        expose_hidden ? w.reshaped(w.input(w.inputs() - states + i), {streams, units})
                      : w.constant({streams, units},
                                   std::vector<float>(static_cast<std::size_t>(streams * units))));
  inputs.push_back(gates);
  inputs.push_back(w.reshaped(w.input(1), {steps, streams, 1}));
  const Names y =
      w.add("Scan", inputs, states + 1,
            {{"body", std::make_shared<const Body>(std::move(step.body))}, {"num_scan_inputs", 2}});
  for (int i = 0; expose_hidden && i < states; ++i)
    w.result(w.reshaped(y[static_cast<std::size_t>(i)], {1, streams, units}), 1 + i);
  return y.back();
}

}  // namespace

void write(NodeWriter& w, const Lstm& op) {
  const int learned = w.params();
  const std::string gates = products_of_inputs(w, learned == 4);
  const std::int64_t units = op.num_output;
  Step step = begin_step(w, 2, w.param(learned - 1), 4 * units);
  const auto add = [&](std::string_view name, const Names& inputs) {
    return w.add_in(step.body, name, inputs);
  };
  const std::string sums = add("Add", {step.gates, step.h_product});
  Names gate;  // i, f, o, g
  for (int i = 0; i < 4; ++i) gate.push_back(w.new_name("gate"));
  step.body.add("Split", w.new_name("split"), {sums, w.constant(Integers(4, units))}, gate,
                {{"axis", 1}});
  const std::string kept =
      add("Mul", {add("Mul", {step.cont, add("Sigmoid", {gate[1]})}), step.states[1]});
  const std::string added = add("Mul", {add("Sigmoid", {gate[0]}), add("Tanh", {gate[3]})});
  const std::string c = add("Add", {kept, added});
  const std::string h = add("Mul", {add("Sigmoid", {gate[2]}), add("Tanh", {c})});
  w.result(run_steps(w, std::move(step), {h, c}, gates, op.expose_hidden));
}

void write(NodeWriter& w, const Rnn& op) {
  const auto [steps, streams, units] = extents_of(w);
  const int learned = w.params();
  const std::string gates = products_of_inputs(w, learned == 6);
  Step step = begin_step(w, 1, w.param(learned - 3), units);
  const std::string h =
      w.add_in(step.body, "Tanh", {w.add_in(step.body, "Add", {step.gates, step.h_product})});
  const std::string all = run_steps(w, std::move(step), {h}, gates, op.expose_hidden);
  const std::string sums = product(w, all, steps * streams, w.output_shape(),
                                   {w.param(learned - 2), w.param(learned - 1)});
  w.result(w.reshaped(w.add("Tanh", {sums}), w.output_shape()));
}

}  // namespace kissa::onnx
