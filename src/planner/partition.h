// Which nodes one step runs together.
#pragma once

#include <string>
#include <vector>

#include "backends/tactic.h"
#include "ir/graph.h"

namespace kissa {

struct Refusal {
  std::string_view tactic;
  std::string reason;
};

// Nodes that one step runs, in topological order, and the tactics that can, best first. A group of
// one view has no tactic: its output is its input's memory.
struct Group {
  std::vector<NodeId> nodes;
  std::vector<const Tactic*> tactics;
  std::vector<Refusal> refusals;
};

// The region of some nodes of a graph, all values row-major FP32, and the graph's value of each of
// the region's.
struct GraphRegion {
  Region region;
  std::vector<ValueId> values;
};
// `keep`: values that must flow out even if only the region itself reads them.
GraphRegion region_of(const Graph& graph, const std::vector<NodeId>& nodes,
                      const std::vector<ValueId>& keep);

// True for a node whose output is its input's memory: nothing is left to run.
bool is_free(const Graph& graph, const Node& node);

// Proposes all nodes that could run next; node by node, groups of siblings and chains; and takes
// the first that any tactic accepts; a node alone where none does. Throws kUnsupported where no
// tactic takes a node, naming the refusals, and kInvalidModel where a node's constant has no data.
std::vector<Group> partition(const Graph& graph, TacticList tactics,
                             const std::vector<ValueId>& keep);

}  // namespace kissa
