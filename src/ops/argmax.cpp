#include "ops/argmax.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kissa {
namespace {

// The input as rows of `extent` elements, `inner` apart, in `outer` groups of `inner` rows.
struct Rows {
  std::int64_t outer;
  std::int64_t extent;
  std::int64_t inner;
};

Rows rows_of(const ArgMax& op, const Shape& in) {
  if (!op.axis) return {in[0], in.product(1, in.rank()), 1};
  const int along = in.canonical_axis(*op.axis);
  return {in.product(0, along), in[along], in.product(along + 1, in.rank())};
}

// The places of the `count` largest elements of a row.
std::vector<std::int64_t> largest(const float* row, const Rows& rows, std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows.extent));
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](std::int64_t a, std::int64_t b) {
                      const float x = row[a * rows.inner];
                      const float y = row[b * rows.inner];
                      if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
                      if (std::isnan(x) || x == y) return a > b;
                      return x > y;
                    });
  order.resize(static_cast<std::size_t>(count));
  return order;
}

}  // namespace

Shapes ArgMax::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  if (in[0].rank() == 0) fail(ErrorCode::kInvalidModel, "takes an input of at least one axis");
  const std::int64_t extent = rows_of(*this, in[0]).extent;
  if (top_k < 1 || top_k > extent)
    fail(ErrorCode::kInvalidModel, "top_k {} must be in 1 to {}, the number of elements compared",
         top_k, extent);
  if (axis) return {in[0].with(in[0].canonical_axis(*axis), top_k)};
  std::vector<std::int64_t> out(static_cast<std::size_t>(std::max(in[0].rank(), 3)), 1);
  out[0] = in[0][0];
  out[1] = out_max_val ? 2 : 1;
  out[2] = top_k;
  return {Shape(std::move(out))};
}

Arithmetic ArgMax::arithmetic(const Shapes& in, const Shapes&) const {
  return {0, count_of(in[0].elements(), top_k)};
}

void ArgMax::reference(ConstTensors x, Tensors y) const {
  const Rows rows = rows_of(*this, x[0].shape);
  for (std::int64_t o = 0; o < rows.outer; ++o) {
    for (std::int64_t i = 0; i < rows.inner; ++i) {
      const float* row = x[0].data + o * rows.extent * rows.inner + i;
      const auto places = largest(row, rows, top_k);
      for (std::int64_t k = 0; k < top_k; ++k) {
        const std::int64_t place = places[static_cast<std::size_t>(k)];
        const auto index = static_cast<float>(place);
        const float value = row[place * rows.inner];
        if (axis) {
          y[0].data[(o * top_k + k) * rows.inner + i] = out_max_val ? value : index;
        } else {
          float* out = y[0].data + o * top_k * (out_max_val ? 2 : 1);
          out[k] = index;
          if (out_max_val) out[top_k + k] = value;
        }
      }
    }
  }
}

std::string ArgMax::describe() const {
  std::string text = fmt::format("top {}", top_k);
  if (axis) text += fmt::format(", axis {}", *axis);
  if (out_max_val) text += axis ? ", values" : ", with values";
  return text;
}

}  // namespace kissa
