// Schedule: the steps in order, each value in the format that its readers want, reorders included;
// where each lies in memory relative to others.
#pragma once

#include <vector>

#include "planner/memory_plan.h"
#include "planner/partition.h"

namespace kissa {

// A value of the graph in one format. A slot may lie inside another: a part of a concatenation in
// the whole, the output of a view or of an op that runs in place in its input.
struct Slot {
  ValueId value = kNone;
  TensorDesc desc;
  int parent = kNone;       // the slot that it lies in
  std::int64_t offset = 0;  // bytes from the parent's start
  Lifetime life;            // from the step that writes it to the last that reads it
};

struct ScheduledStep {
  int group = kNone;  // which group it runs; kNone: a reorder
  const Tactic* tactic = nullptr;
  GraphRegion region;
  std::vector<int> inputs;   // slots of region.inputs
  std::vector<int> outputs;  // slots of region.outputs
};

struct Schedule {
  std::vector<Slot> slots;
  std::vector<ScheduledStep> steps;
  std::vector<int> inputs;   // slots of the graph's inputs
  std::vector<int> outputs;  // slots of the kept values, row-major FP32
};

// `choice[g]`: which of group g's tactics to take. Inputs stay untouched through a run, kept values
// until after it.
Schedule make_schedule(const Graph& graph, const std::vector<Group>& groups,
                       const std::vector<std::size_t>& choice, TacticList tactics,
                       const std::vector<ValueId>& keep);

// The slot that holds `slot`, lying in no other, and the byte offset in it.
struct Place {
  int root;
  std::int64_t offset;
};
Place place_of(const Schedule& schedule, int slot);

}  // namespace kissa
