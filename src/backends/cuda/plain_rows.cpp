#include <algorithm>

#include "backends/cuda/kernels/rows.h"
#include "backends/cuda/plain.h"

namespace kissa::cuda {
namespace {

Rows rows_along(const Shape& shape, int axis) {
  const int along = shape.canonical_axis(axis);
  return {shape.product(0, along), shape[along], shape.product(along + 1, shape.rank())};
}

Term term_of(ReductionMethod method) {
  switch (method) {
    case ReductionMethod::kSumAbs: return Term::kAbs;
    case ReductionMethod::kSumSquares: return Term::kSquare;
    case ReductionMethod::kSum:
    case ReductionMethod::kMean: break;
  }
  return Term::kValue;
}

}  // namespace

Program plain(const Softmax& op, const NodeView& node) {
  return {
      .launch = [rows = rows_along(node.in(0), op.axis)](const Operands& at, cudaStream_t stream) {
        run_softmax(rows, at.x(0), at.y(0), stream);
      }};
}

Program plain(const ArgMax& op, const NodeView& node) {
  const Shape& in = node.in(0);
  if (op.axis) {
    const Rows rows = rows_along(in, *op.axis);
    const ArgMaxShape shape = {rows, op.top_k, op.top_k * rows.inner, rows.inner};
    return {.launch = [shape, values = op.out_max_val](const Operands& at, cudaStream_t stream) {
      run_argmax(shape, at.x(0), values ? nullptr : at.y(0), values ? at.y(0) : nullptr, stream);
    }};
  }
  const ArgMaxShape shape = {.rows = {in[0], in.product(1, in.rank()), 1},
                             .top_k = op.top_k,
                             .outer_stride = op.top_k * (op.out_max_val ? 2 : 1),
                             .k_stride = 1};
  return {.launch = [shape, values = op.out_max_val](const Operands& at, cudaStream_t stream) {
    run_argmax(shape, at.x(0), at.y(0), values ? at.y(0) + shape.top_k : nullptr, stream);
  }};
}

Program plain(const Reduction& op, const NodeView& node) {
  const Shape& in = node.in(0);
  const int first = in.canonical_axis(op.axis);
  const Rows rows = {in.product(0, first), in.product(first, in.rank()), 1};
  double factor = op.coefficient;
  if (op.method == ReductionMethod::kMean) factor /= static_cast<double>(rows.extent);
  return {
      .launch = [rows, factor, term = term_of(op.method)](const Operands& at, cudaStream_t stream) {
        run_row_sums(rows, term, factor, at.x(0), at.y(0), stream);
      }};
}

Program plain(const Mvn& op, const NodeView& node) {
  const Shape& in = node.in(0);
  const std::int64_t planes = in.product(0, std::min(op.across_channels ? 1 : 2, in.rank()));
  const Normalization shape = {.rows = planes,
                               .extent = planes == 0 ? 0 : in.elements() / planes,
                               .parts = 1,
                               .stride = 0,
                               .has_variance = op.normalize_variance,
                               .eps_inside = false,
                               .eps = static_cast<double>(op.eps)};
  return {.launch = [shape](const Operands& at, cudaStream_t stream) {
    run_normalize_rows(shape, at.x(0), at.y(0), stream);
  }};
}

}  // namespace kissa::cuda
