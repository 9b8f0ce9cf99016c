// A step that runs the one op of a region in FP32, row-major, by launching kernels on a stream.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "backends/cuda/stream.h"
#include "backends/tactic.h"

namespace kissa::cuda {

// Where each tensor of the node lies on the device while it runs.
class Operands {
 public:
  // Of an input or parameter: a constant, or an index of Bindings::inputs.
  struct Source {
    const float* constant = nullptr;
    std::size_t binding = 0;
  };

  Operands(const std::vector<Source>& sources, const Bindings& bindings)
      : sources_(sources), bindings_(bindings) {}

  // The i-th input of the node, or behind them its parameters; a residual comes last of all.
  const float* x(std::size_t i) const {
    const Source& source = sources_[i];
    return source.constant != nullptr ? source.constant
                                      : static_cast<const float*>(bindings_.inputs[source.binding]);
  }
  // Null where the op has no such output.
  float* y(std::size_t i) const {
    return i < bindings_.outputs.size() ? static_cast<float*>(bindings_.outputs[i]) : nullptr;
  }
  float* workspace() const { return static_cast<float*>(bindings_.workspace); }

 private:
  const std::vector<Source>& sources_;
  const Bindings& bindings_;
};

// What runs an op: enqueues its kernels.
struct Program {
  std::function<void(const Operands&, cudaStream_t)> launch;
  std::int64_t workspace_bytes = 0;
};

// A node whose program is being made: its shapes, and memory for what the program keeps.
class NodeView {
 public:
  NodeView(const Region& region, WeightArena& weights);

  std::size_t inputs() const { return inputs_; }  // without a residual
  // The i-th input, or behind them the parameters.
  const Shape& in(std::size_t i) const { return region_.value(values_[i]).desc.shape; }
  const Shape& out(std::size_t i) const { return region_.out(i).desc.shape; }
  // The data of the i-th parameter, on the host; for what keep() is given to read.
  const float* param(std::size_t i) const { return region_.param(i).constant; }
  // Makes the device that the weights lie on the calling thread's.
  void use_device() const;
  // The numbers of [0, count), on the device.
  const float* keep(std::int64_t count, const std::function<float(std::int64_t)>& number) const;
  WeightArena& weights() const { return weights_; }

 private:
  const Region& region_;
  WeightArena& weights_;
  std::size_t inputs_;
  std::vector<int> values_;
};

// Why no program can run the region; nothing if it is one node, all of it row-major FP32.
std::optional<std::string> refuse_node(const Region& region);

// The program's step: constants go to the device, the node's epilogue runs behind the program.
std::unique_ptr<Step> make_node_step(const Region& region, WeightArena& weights, Program program);

// A tactic for one op by a library that counts in 32 bits.
class NodeTactic : public Tactic {
 public:
  std::optional<std::string> refuse(const Region& region) const final;
  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext& context) const final;

 private:
  virtual std::optional<std::string> refuse_op(const Region& region) const = 0;
  virtual Program program(const Region& region, const NodeView& node) const = 0;
};

}  // namespace kissa::cuda
