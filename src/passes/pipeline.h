// The passes of --mode fused, in order, and their run over a graph.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "passes/pass.h"

namespace kissa {

std::span<const Pass> all_passes();
// Throws kInvalidArgument with the names that there are where one of these is no pass.
void check_pass_names(const std::vector<std::string>& names);

struct PassOptions {
  std::vector<std::string> fetch = {};  // names of values to keep besides the graph's outputs
  std::vector<std::string> skip = {};   // names of passes
};

struct PassReport {
  std::string_view name;
  bool is_skipped = false;
  PassNotes notes = {};
  double seconds = 0.0;
};

struct PassesResult {
  Graph graph;  // its outputs: the given graph's, then the fetched values
  std::vector<PassReport> reports;
};

// The result is good for the graph's present input shapes only: reshape first. Layers keep their
// places in Node::where, and Node::layers names all that a node stands for. Throws kInvalidArgument
// on an unknown name in the options.
PassesResult run_passes(const Graph& graph, const PassOptions& options = {});

// What was fused into what, and what was not and why; ends with a line break.
std::string to_text(std::span<const PassReport> reports);

}  // namespace kissa
