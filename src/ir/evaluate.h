// Runs a graph by the plain references: the oracle that rewrites and plans are compared with.
#pragma once

#include <span>
#include <vector>

#include "ir/graph.h"

namespace kissa {

// The outputs of one node, its epilogue applied. `x`: node.inputs, then node.params.
std::vector<std::vector<float>> evaluate(const Node& node, std::span<const ConstTensor> x,
                                         const Shapes& outputs);

// The values of graph.outputs(), in their order, for one array an input of the graph, in row-major
// order. Throws kInvalidArgument where the arrays do not fit the inputs, kInvalidModel where a
// constant that is read has no data.
std::vector<std::vector<float>> evaluate(const Graph& graph,
                                         const std::vector<std::vector<float>>& inputs);

}  // namespace kissa
