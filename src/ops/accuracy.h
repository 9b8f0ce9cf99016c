// Caffe's Accuracy: how often the true label is among the top_k best scores.
#pragma once

#include <optional>
#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Inputs: scores, labels along `axis`; a label for each place of the other axes, a number in the
// tensor. A label is found where fewer than top_k other scores are as large as its own. Places
// labelled ignore_label do not count; a label that is no place of the axis is never found.
// Outputs: a scalar, found / counted (0 where nothing counts); where per_class, the same for each
// label, of shape {labels}.
// Arithmetic: a comparison a score.
struct Accuracy {
  static constexpr std::string_view kName = "accuracy";
  std::int64_t top_k = 1;
  int axis = 1;
  std::optional<int> ignore_label;
  bool per_class = false;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Accuracy&, const Accuracy&) = default;
};
static_assert(OpKind<Accuracy>);

}  // namespace kissa
