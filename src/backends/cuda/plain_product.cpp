#include "backends/cuda/kernels/elementwise.h"
#include "backends/cuda/kernels/recurrent.h"
#include "backends/cuda/plain.h"

namespace kissa::cuda {
namespace {

// `states`: how many the op has; they are its last inputs, and its last outputs.
Program recurrent(const RecurrentShape& shape, const NodeView& node, bool expose_hidden,
                  std::size_t states) {
  const std::size_t hidden = expose_hidden ? states : 0;
  const std::size_t inputs = node.inputs();
  const bool has_fixed = inputs > 2 + hidden;
  const std::size_t weight_h = inputs + (has_fixed ? 3 : 2);
  const auto launch = [=](const Operands& at, cudaStream_t stream) {
    RecurrentData data = {};
    data.x = at.x(0);
    data.cont = at.x(1);
    if (has_fixed) data.fixed = at.x(2);
    if (hidden > 0) data.h = at.x(inputs - hidden);
    if (hidden > 1) data.c = at.x(inputs - 1);
    data.weight_x = at.x(inputs);
    data.bias = at.x(inputs + 1);
    if (has_fixed) data.weight_static = at.x(inputs + 2);
    data.weight_h = at.x(weight_h);
    if (!shape.is_lstm) {
      data.weight_o = at.x(weight_h + 1);
      data.bias_o = at.x(weight_h + 2);
    }
    data.y = at.y(0);
    if (hidden > 0) data.h_out = at.y(1);
    if (hidden > 1) data.c_out = at.y(2);
    data.workspace = at.workspace();
    run_recurrent(shape, data, stream);
  };
  return {.launch = launch, .workspace_bytes = shape.workspace_floats() * size_of(DataType::kF32)};
}

RecurrentShape recurrent_shape(const NodeView& node, bool is_lstm, std::int64_t units,
                               std::size_t hidden) {
  const Shape& in = node.in(0);
  const bool has_fixed = node.inputs() > 2 + hidden;
  return {.is_lstm = is_lstm,
          .steps = in[0],
          .streams = in[1],
          .x = in.product(2, in.rank()),
          .fixed = has_fixed ? node.in(2).product(1, node.in(2).rank()) : 0,
          .units = units};
}

}  // namespace

Program inner_product_by(Product product, const InnerProduct& op, const NodeView& node) {
  const Shape& in = node.in(0);
  const int first = in.canonical_axis(op.axis);
  const GemmShape gemm = {.m = in.product(0, first),
                          .n = op.num_output,
                          .k = in.product(first, in.rank()),
                          .b_transposed = !op.transpose};
  return {.launch = [=, has_bias = op.has_bias](const Operands& at, cudaStream_t stream) {
    product(gemm, at.x(0), at.x(1), at.y(0), stream);
    if (has_bias)
      run_affine({gemm.m * gemm.n, gemm.n, 1}, at.y(0), nullptr, at.x(2), at.y(0), stream);
  }};
}

Program plain(const InnerProduct& op, const NodeView& node) {
  return inner_product_by(run_gemm, op, node);
}

Program plain(const Lstm& op, const NodeView& node) {
  const std::size_t hidden = op.expose_hidden ? 2 : 0;
  return recurrent(recurrent_shape(node, true, op.num_output, hidden), node, op.expose_hidden, 2);
}

Program plain(const Rnn& op, const NodeView& node) {
  const std::size_t hidden = op.expose_hidden ? 1 : 0;
  return recurrent(recurrent_shape(node, false, op.num_output, hidden), node, op.expose_hidden, 1);
}

}  // namespace kissa::cuda
