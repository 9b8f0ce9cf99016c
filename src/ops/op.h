// The op set, and what can be asked of any op in it.
#pragma once

#include <string>
#include <variant>

#include "ops/convolution.h"
#include "ops/elementwise.h"
#include "ops/op_kind.h"

namespace kissa {

using Op = std::variant<Convolution, Power, Relu, Sigmoid, TanH>;

std::string_view name_of(const Op& op);
std::string describe(const Op& op);
// The learned tensors that `op` needs on such inputs; none for most ops.
std::vector<ParamSpec> params_of(const Op& op, const Shapes& in);
// Output shapes for the inputs (parameters not among them).
Shapes infer(const Op& op, const Shapes& in);

// The numerator of every roofline: exact arithmetic and the least traffic, each input and parameter
// read once and each output written once, in FP32.
struct Work {
  Arithmetic arithmetic;
  std::int64_t bytes = 0;
};
Work work_of(const Op& op, const Shapes& in, const Shapes& out);

void run_reference(const Op& op, ConstTensors x, Tensors y);

}  // namespace kissa
