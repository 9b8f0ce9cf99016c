// A tactic is one way to run one region on one device; a step is a tactic made ready for it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/weight_arena.h"
#include "ops/epilogue.h"
#include "ops/op.h"

namespace kissa {

// What one step runs: a node, a chain of nodes, or independent siblings that read one value; in
// topological order. Values are named by their index.
struct Region {
  struct Value {
    TensorDesc desc;
    const float* constant = nullptr;  // the data of a parameter, FP32 in row-major order
  };
  struct Node {
    Op op;
    Epilogue epilogue = {};
    std::vector<int> inputs = {};  // what flows in; a residual of the epilogue last
    std::vector<int> params = {};
    std::vector<int> outputs = {};
  };
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<int> inputs;   // flow in from outside; constants are not among them
  std::vector<int> outputs;  // flow out

  const Value& value(int index) const { return values[static_cast<std::size_t>(index)]; }
  // The one op of the region, if there is but one node and its op is a T.
  template <class T>
  const T* only() const {
    return nodes.size() == 1 ? std::get_if<T>(&nodes[0].op) : nullptr;
  }
  // The i-th input, parameter and output of the first node.
  const Value& in(std::size_t i) const { return value(nodes[0].inputs[i]); }
  const Value& param(std::size_t i) const { return value(nodes[0].params[i]); }
  const Value& out(std::size_t i) const { return value(nodes[0].outputs[i]); }
};

// The formats that a tactic wants for Region::inputs and Region::outputs, one each.
struct Requirements {
  std::vector<Format> inputs;
  std::vector<Format> outputs;
};

// Where a step finds its data: one address for each of Region::inputs and outputs.
struct Bindings {
  std::span<void* const> inputs;
  std::span<void* const> outputs;
  void* workspace = nullptr;  // workspace_bytes(), contents undefined
};

class Step {
 public:
  virtual ~Step() = default;
  // No allocation, no lock, no throw. Re-entrant: several contexts may run one step at once.
  virtual void run(const Bindings& bindings, Stream& stream) const noexcept = 0;
  virtual std::int64_t workspace_bytes() const { return 0; }
};

// What prepare may use.
struct PrepareContext {
  WeightArena& weights;
  int threads;  // Device::threads(): how many will share the work and the workspace
};

class Tactic {
 public:
  virtual ~Tactic() = default;
  virtual std::string_view name() const = 0;  // device.op.algorithm.dtype[.isa]
  // Why this tactic cannot run the region; nothing if it can.
  virtual std::optional<std::string> refuse(const Region& region) const = 0;
  // Row-major FP32, unless a tactic says otherwise. For regions that were not refused.
  virtual Requirements requirements(const Region& region) const {
    return {std::vector<Format>(region.inputs.size()), std::vector<Format>(region.outputs.size())};
  }
  // Only for a region that was not refused, its values in the required formats. The region's
  // constants outlive the step. A tactic that adds weights to the arena reads the data of constants
  // in `pack` and nowhere else; one that adds none may read it here and in every run.
  virtual std::unique_ptr<Step> prepare(const Region& region,
                                        const PrepareContext& context) const = 0;
};

// Best first.
using TacticList = std::span<const Tactic* const>;

}  // namespace kissa
