// For the ops' unit tests: runs an op on literal data, and reads the text of its shape errors.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "ops/op.h"

namespace kissa {

struct Literal {
  Shape shape;
  std::vector<float> data;
};

// A literal that holds 1, 2, 3, ...
inline Literal counting(Shape shape) {
  std::vector<float> data(static_cast<std::size_t>(shape.elements()));
  std::iota(data.begin(), data.end(), 1.0f);
  return {std::move(shape), std::move(data)};
}

// The outputs' data. `params` must have the shapes that the op asks for.
inline std::vector<std::vector<float>> evaluate_all(const Op& op,
                                                    const std::vector<Literal>& inputs,
                                                    const std::vector<Literal>& params = {}) {
  Shapes in;
  std::vector<ConstTensor> x;
  for (const Literal& input : inputs) in.push_back(input.shape);
  const auto specs = params_of(op, in);
  EXPECT_EQ(specs.size(), params.size());
  for (std::size_t i = 0; i < params.size(); ++i) EXPECT_EQ(specs.at(i).shape, params[i].shape);
  for (const auto* list : {&inputs, &params}) {
    for (const Literal& literal : *list) {
      EXPECT_EQ(literal.shape.elements(), static_cast<std::int64_t>(literal.data.size()));
      x.push_back({literal.data.data(), literal.shape});
    }
  }
  const Shapes out = infer(op, in);
  std::vector<std::vector<float>> results;
  for (const Shape& shape : out) results.emplace_back(static_cast<std::size_t>(shape.elements()));
  std::vector<Tensor> y;
  for (std::size_t i = 0; i < out.size(); ++i) y.push_back({results[i].data(), out[i]});
  run_reference(op, x, y);
  return results;
}

// Of an op with one output.
inline std::vector<float> evaluate(const Op& op, const std::vector<Literal>& inputs,
                                   const std::vector<Literal>& params = {}) {
  return evaluate_all(op, inputs, params).at(0);
}

// The shape of an op's one output for one input.
inline Shape infer_one(const Op& op, const Shape& in) {
  const Shapes out = infer(op, {in});
  EXPECT_EQ(out.size(), 1u);
  return out.at(0);
}

// What infer says against such inputs; empty where it takes them.
inline std::string refusal(const Op& op, const Shapes& in) {
  try {
    infer(op, in);
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    return error.what();
  }
}

inline Arithmetic arithmetic_of(const Op& op, const Shapes& in) {
  return work_of(op, in, infer(op, in)).arithmetic;
}

}  // namespace kissa
