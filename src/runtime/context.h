// Context: the arena and the stream of one caller of a plan.
#pragma once

#include <memory>
#include <vector>

#include "planner/plan.h"

namespace kissa::runtime {

// One thread at a time. Throws kOutOfMemory at construction.
class Context {
 public:
  explicit Context(std::shared_ptr<const Plan> plan);

  // The memory of the plan's i-th input or output. Inputs stay as they are through any number of
  // runs.
  float* input(std::size_t i) const { return static_cast<float*>(at(plan_->input_offsets[i])); }
  float* output(std::size_t i) const { return static_cast<float*>(at(plan_->output_offsets[i])); }
  // Runs all steps and waits for them.
  void run();
  // The same, waiting after each step: the microseconds that each took.
  std::vector<double> run_timed();

 private:
  struct BoundStep {
    const Step* step;
    std::vector<void*> inputs;
    std::vector<void*> outputs;
    void* workspace;
  };

  void* at(std::int64_t offset) const;

  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<Buffer> arena_;
  std::unique_ptr<Stream> stream_;
  std::vector<BoundStep> steps_;
};

}  // namespace kissa::runtime
