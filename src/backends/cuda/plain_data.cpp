#include <algorithm>

#include "backends/cuda/kernels/data.h"
#include "backends/cuda/plain.h"

namespace kissa::cuda {
namespace {

// Elements of each tensor from one index of the axes before `axis` to the next.
std::int64_t row_of(const Shape& shape, int axis) {
  return shape.product(shape.canonical_axis(axis), shape.rank());
}

std::int64_t rows_of(const Shape& shape, int axis) {
  return shape.product(0, shape.canonical_axis(axis));
}

}  // namespace

Program plain(const Concat& op, const NodeView& node) {
  std::vector<std::int64_t> widths;
  for (std::size_t i = 0; i < node.inputs(); ++i) widths.push_back(row_of(node.in(i), op.axis));
  return {
      .launch = [widths, whole = row_of(node.out(0), op.axis),
                 rows = rows_of(node.out(0), op.axis)](const Operands& at, cudaStream_t stream) {
        float* y = at.y(0);
        for (std::size_t i = 0; i < widths.size(); y += widths[i], ++i)
          copy_rows(y, whole, at.x(i), widths[i], widths[i], rows, stream);
      }};
}

Program plain(const Slice& op, const NodeView& node) {
  std::vector<std::int64_t> widths;
  for (std::size_t i = 0; i < static_cast<std::size_t>(op.outputs); ++i)
    widths.push_back(row_of(node.out(i), op.axis));
  return {.launch = [widths, whole = row_of(node.in(0), op.axis),
                     rows = rows_of(node.in(0), op.axis)](const Operands& at, cudaStream_t stream) {
    const float* x = at.x(0);
    for (std::size_t i = 0; i < widths.size(); x += widths[i], ++i)
      copy_rows(at.y(i), widths[i], x, whole, widths[i], rows, stream);
  }};
}

Program plain(const Crop& op, const NodeView& node) {
  const Shape& in = node.in(0);
  const Shape& out = node.out(0);
  Box box = {.axes = in.rank(), .count = out.elements(), .in = {}, .out = {}, .start = {}};
  const int first = in.canonical_axis(op.axis);
  for (int axis = 0; axis < in.rank(); ++axis) {
    box.in[axis] = in[axis];
    box.out[axis] = out[axis];
    if (axis < first || op.offsets.empty()) continue;
    const std::size_t i = op.offsets.size() == 1 ? 0 : static_cast<std::size_t>(axis - first);
    box.start[axis] = op.offsets[i];
  }
  return {.launch = [box](const Operands& at, cudaStream_t stream) {
    run_crop(box, at.x(0), at.y(0), stream);
  }};
}

Program plain(const Tile& op, const NodeView& node) {
  return {.launch = [outer = rows_of(node.in(0), op.axis), width = row_of(node.in(0), op.axis),
                     tiles = op.tiles](const Operands& at, cudaStream_t stream) {
    run_tile(at.x(0), at.y(0), outer, width, tiles, stream);
  }};
}

Program plain(const Embed& op, const NodeView& node) {
  return {.launch = [op, count = node.in(0).elements()](const Operands& at, cudaStream_t stream) {
    run_gather(at.x(1), op.input_dim, op.num_output, at.x(0), count,
               op.has_bias ? at.x(2) : nullptr, at.y(0), stream);
  }};
}

Program plain(const BatchReindex&, const NodeView& node) {
  const Shape& table = node.in(0);
  return {.launch = [rows = table[0], width = table.product(1, table.rank()),
                     count = node.in(1).elements()](const Operands& at, cudaStream_t stream) {
    run_gather(at.x(0), rows, width, at.x(1), count, nullptr, at.y(0), stream);
  }};
}

Program plain(const View&, const NodeView& node) {
  return {.launch = [count = node.out(0).elements()](const Operands& at, cudaStream_t stream) {
    copy_rows(at.y(0), count, at.x(0), count, count, 1, stream);
  }};
}

}  // namespace kissa::cuda
