// For the passes' tests: a pass by itself.
#pragma once

#include "ir/graph_testing.h"
#include "passes/pass.h"

namespace kissa {

using Lines = std::vector<std::string>;

struct Rewritten {
  Graph graph;
  PassNotes notes;
};

inline Rewritten rewrite(const Graph& graph, void (*pass)(Rewriter&, PassNotes&)) {
  Rewriter rewriter(graph);
  PassNotes notes;
  pass(rewriter, notes);
  Rewritten result{rewriter.build(), std::move(notes)};
  result.graph.verify();
  return result;
}

}  // namespace kissa
