// How much of a value a run fills, where that depends on the data: the items that a Filter keeps,
// the boxes that a detector finds. Shapes in a graph are then what there is room for.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace kissa {

struct Count {
  ValueId value;  // a scalar: how much of `axis` is filled
  int axis;       // all axes before it have extent 1, or it is 0
};

// For each value of the graph, by its number. Ops that treat each item of axis 0 by itself hand a
// count of items on.
std::vector<std::optional<Count>> counts_of(const Graph& graph);

// Whether the value is such a count.
bool is_count(const Graph& graph, ValueId id);

}  // namespace kissa
