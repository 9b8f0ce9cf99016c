// For tests on graphs: small ones with random parameters, and whether two compute the same.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "ir/evaluate.h"
#include "ir/rewrite.h"

namespace kissa {

// Numbers in [-1, 1); in [0.5, 1.5) where they must not be negative or near 0.
inline std::vector<float> random_numbers(std::int64_t count, std::uint32_t seed,
                                         bool is_positive = false) {
  std::mt19937 random(seed);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& x : numbers) {
    const float unit = static_cast<float>(random() >> 8) * 0x1p-24f;
    x = is_positive ? unit + 0.5f : 2.0f * unit - 1.0f;
  }
  return numbers;
}

// Builds a graph one node at a time; a node's output has the node's name, unless it is given one.
class TestGraph {
 public:
  ValueId input(const std::string& name, Shape shape) {
    return graph_.add_input(name, std::move(shape));
  }
  ValueId constant(const std::string& name, const Shape& shape) {
    return graph_.add_constant(name, shape,
                               make_constant(random_numbers(shape.elements(), ++seed_)));
  }
  ValueId add(const std::string& name, const Op& op, const std::vector<ValueId>& inputs,
              const std::string& output = {}) {
    return add_all(name, op, inputs, {output.empty() ? name : output})[0];
  }
  std::vector<ValueId> add_all(const std::string& name, const Op& op,
                               const std::vector<ValueId>& inputs,
                               const std::vector<std::string>& outputs) {
    Node node{.name = name, .op = op, .inputs = inputs, .where = "net:" + name, .layers = {name}};
    for (const ParamSpec& spec : params_of(op, graph_.shapes_of(inputs))) {
      const bool is_positive = spec.name == "variance" || spec.name == "scale_factor";
      node.params.push_back(graph_.add_constant(
          name + "." + std::string(spec.name), spec.shape,
          make_constant(random_numbers(spec.shape.elements(), ++seed_, is_positive))));
    }
    return graph_.node(graph_.add_node(std::move(node), outputs)).outputs;
  }
  // The graph, with these outputs.
  Graph finish(std::initializer_list<ValueId> outputs) {
    for (const ValueId id : outputs) graph_.add_output(id);
    graph_.verify();
    return graph_;
  }

 private:
  Graph graph_;
  std::uint32_t seed_ = 0;
};

// Within `tolerance` of each output's largest number; 0: equal.
inline void expect_same_results(const Graph& before, const Graph& after, double tolerance) {
  std::vector<std::vector<float>> inputs;
  for (const ValueId id : before.inputs())
    inputs.push_back(random_numbers(before.value(id).shape.elements(),
                                    1000 + static_cast<std::uint32_t>(inputs.size())));
  const auto want = evaluate(before, inputs);
  const auto got = evaluate(after, inputs);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t k = 0; k < want.size(); ++k) {
    const std::string& name = before.value(before.outputs()[k]).name;
    EXPECT_EQ(after.value(after.outputs()[k]).name, name);
    ASSERT_EQ(got[k].size(), want[k].size()) << name;
    double largest = 0.0;
    double difference = 0.0;
    for (std::size_t i = 0; i < want[k].size(); ++i) {
      ASSERT_TRUE(std::isfinite(want[k][i]) && std::isfinite(got[k][i])) << name;
      largest = std::max(largest, std::abs(static_cast<double>(want[k][i])));
      difference = std::max(difference, std::abs(static_cast<double>(got[k][i]) - want[k][i]));
    }
    EXPECT_LE(difference, tolerance * largest) << name;
    EXPECT_GT(largest, 0.0) << name << " is all 0: this shows nothing";
  }
}

inline constexpr double kExact = 0.0;
inline constexpr double kRounding = 1e-5;  // some roundings more or less

inline Convolution conv(std::int64_t num_output, std::int64_t kernel, std::int64_t pad = 0) {
  return {.num_output = num_output,
          .kernel = {kernel, kernel},
          .stride = {1, 1},
          .pad = {pad, pad},
          .dilation = {1, 1}};
}

inline Power power(float scale, float shift, float exponent = 1.0f) {
  return {{}, exponent, scale, shift};
}
inline Clip clip(float min, float max) { return {{}, min, max}; }

}  // namespace kissa
