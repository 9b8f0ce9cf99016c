// Affine maps and the weights they are folded into: what the folding passes share. All arithmetic
// is in double precision.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/rewrite.h"

namespace kissa {

// y = scale x + shift, with a pair of numbers for each place along one axis, or one for all.
struct Affine {
  int axis = kNone;  // kNone: one pair
  std::vector<double> scale;
  std::vector<double> shift;

  std::size_t place(std::int64_t i) const {
    return axis == kNone ? 0 : static_cast<std::size_t>(i);
  }
};

// Whether `op` is of a kind that can be affine: BatchNorm, Scale, Bias, Power 1.
bool is_affine_kind(const Op& op);
// Why such a node is not an affine map with known numbers; nothing where it is.
std::optional<std::string> refuse_affine(const Rewriter& graph, const Node& node);
// Only for a node of such a kind that was not refused.
Affine affine_of(const Rewriter& graph, const Node& node);

bool can_compose(const Affine& first, const Affine& second);
// second(first(x))
Affine compose(const Affine& first, const Affine& second);

// The numbers of a Convolution or an InnerProduct: bias[row] + sum of weight(row, column) x.
class Linear {
 public:
  // Why the node has no such numbers; nothing where it has.
  static std::optional<std::string> refuse(const Rewriter& graph, const Node& node);
  // A copy. Only for a node that was not refused.
  Linear(const Rewriter& graph, const Node& node);

  std::int64_t rows() const { return rows_; }  // one an output channel
  std::int64_t columns() const { return columns_; }
  float& weight(std::int64_t row, std::int64_t column) {
    const std::int64_t i = transposed_ ? column * rows_ + row : row * columns_ + column;
    return weight_[static_cast<std::size_t>(i)];
  }
  double& bias(std::int64_t row) { return bias_[static_cast<std::size_t>(row)]; }
  bool is_finite() const;

  // `node` with these numbers; it gets a bias where one is needed.
  Node store(Rewriter& graph, Node node) &&;

 private:
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  bool transposed_ = false;
  std::vector<float> weight_;
  std::vector<double> bias_;
};

}  // namespace kissa
