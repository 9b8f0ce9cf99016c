// Plan: a graph made ready for one device. Immutable; every decision is taken.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "ir/graph.h"
#include "planner/partition.h"

namespace kissa {

struct PlanStep {
  int group = kNone;                // which group it runs; kNone: a reorder
  std::vector<NodeId> nodes;        // what it computes; empty for a reorder
  std::vector<std::string> layers;  // the same as the file's layers
  std::vector<ValueId> writes;      // the values that it computes, or reorders
  std::string_view tactic;
  std::vector<Refusal> refusals;  // of the tactics that come before it
  bool packs = false;             // whether it keeps its parameters in the weight arena
  std::unique_ptr<Step> step;
  std::vector<std::int64_t> inputs;  // offsets into the arena
  std::vector<std::int64_t> outputs;
  std::int64_t workspace = 0;  // offset into the arena
};

// Memory of the arena, and what holds it through the steps [first, last].
struct PlacedValue {
  ValueId value = kNone;  // kNone: the workspace of step `first`
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct Plan {
  std::shared_ptr<const Graph> graph;  // keeps the constants alive that steps read
  std::shared_ptr<Device> device;
  std::unique_ptr<WeightArena> weights;
  Mode mode = Mode::kCaffe;
  std::vector<PlanStep> steps;
  std::vector<ValueId> outputs;              // the graph's, then the fetched
  std::vector<std::int64_t> input_offsets;   // of the graph's inputs, into the arena
  std::vector<std::int64_t> output_offsets;  // of `outputs`
  std::vector<PlacedValue> placed;           // whole values, not those that lie inside others
  std::int64_t arena_bytes = 0;
  std::int64_t activation_bytes = 0;  // without sharing
  std::int64_t weight_bytes = 0;
};

struct PlanOptions {
  Mode mode = Mode::kCaffe;
  Precision precision = Precision::kFp32;
  DeviceOptions device = {};
  std::vector<std::string> fetch;  // names of values to keep besides the graph's outputs
};

// What is planned, for what: all that the decisions depend on.
struct PlanRequest {
  std::shared_ptr<const Graph> graph;
  const Backend* backend = nullptr;
  std::shared_ptr<Device> device;
  TacticList tactics;
  Mode mode = Mode::kCaffe;
  std::vector<ValueId> outputs;  // to keep: the graph's outputs, then the fetched
  std::vector<Group> groups;
};

// Throws kUnsupported where the mode is not built or a node has no tactic, kInvalidModel where a
// constant has no data, kInvalidArgument on an unknown fetch. `device`: nothing for that of the
// options.
PlanRequest make_request(std::shared_ptr<const Graph> graph, const Backend& backend,
                         const PlanOptions& options, std::shared_ptr<Device> device = nullptr);

// Which of its tactics each group takes.
using Choice = std::vector<std::size_t>;

// `weights`: an arena that was filled before for this very plan; nothing: a new one. Throws
// kOutOfMemory where the device offers too little.
std::shared_ptr<const Plan> make_plan(const PlanRequest& request, const Choice& choice,
                                      std::unique_ptr<WeightArena> weights = nullptr);

}  // namespace kissa
