// Caffe's Embed and BatchReindex: rows of a table, chosen by indices that are numbers in a tensor.
// An index is rounded towards 0; the row of an index that the table does not have is NaN.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Input: indices of any shape -> that shape x num_output. Parameters: weight input_dim x
// num_output, the table; bias num_output, added to each row, where has_bias.
struct Embed {
  static constexpr std::string_view kName = "embed";
  std::int64_t num_output = 0;
  std::int64_t input_dim = 0;
  bool has_bias = true;

  std::vector<ParamSpec> params(const Shapes& in) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Embed&, const Embed&) = default;
};

// Inputs: N x ..., the table, and M indices -> M x ...
struct BatchReindex {
  static constexpr std::string_view kName = "batch_reindex";

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const { return {}; }
  friend bool operator==(const BatchReindex&, const BatchReindex&) = default;
};

static_assert(OpKind<Embed> && HasParams<Embed> && OpKind<BatchReindex>);

}  // namespace kissa
