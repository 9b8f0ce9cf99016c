// A graph as Graphviz source.
#pragma once

#include <string>

#include "ir/graph.h"

namespace kissa {

// One box a node with its op and parameters, one edge a value with its shape.
std::string export_dot(const Graph& graph);

}  // namespace kissa
