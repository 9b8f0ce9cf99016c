// Context: the arena and the stream of one caller of a plan.
#pragma once

#include <memory>
#include <vector>

#include "kissa/kissa.h"
#include "planner/plan.h"

namespace kissa::runtime {

// One thread at a time. Throws kOutOfMemory at construction.
class Context {
 public:
  explicit Context(std::shared_ptr<const Plan> plan, const ContextOptions& options = {});

  // The host's memory of the plan's i-th input or output. Inputs stay as they are through any
  // number of runs.
  float* input(std::size_t i) const { return inputs_[i].host; }
  float* output(std::size_t i) const { return outputs_[i].host; }
  // Copies the inputs to the device, runs all steps, copies the outputs back and waits for it all.
  void run();
  // The same, waiting after each step: the microseconds that each took. Where the stream records,
  // each runs several times over, so that outputs mean nothing where steps run in place.
  std::vector<double> run_timed();
  // As kissa::Context's.
  double time_on_device(int times);
  RunTimes run_measured(bool copies);
  StepTimes run_profiled();

 private:
  struct BoundStep {
    const Step* step;
    std::vector<void*> inputs;
    std::vector<void*> outputs;
    void* workspace;
  };
  // A tensor that the caller sees; the same memory twice where the device is the host.
  struct Port {
    float* host;
    void* device;
    std::int64_t bytes;
  };

  void* at(std::int64_t offset) const;
  void bind_ports();
  bool waits_for_each() const { return plan_->mode == Mode::kCaffe; }
  void run_steps();
  void start_steps();
  void clock_steps(StepTimes& times);
  void run_step(const BoundStep& bound);
  void mark(std::size_t i);
  void need_marks(std::size_t count);
  double microseconds_between_marks(std::size_t i) const;
  void copy_inputs();
  void copy_outputs();

  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<Buffer> arena_;
  std::unique_ptr<Buffer> host_;  // of the ports, where the device is not the host
  std::unique_ptr<Stream> stream_;
  std::vector<BoundStep> steps_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::unique_ptr<Recording> all_;                     // copies and steps
  std::unique_ptr<Recording> only_steps_;              // once they were started alone
  std::unique_ptr<Recording> marked_steps_;            // once run_profiled was called
  std::unique_ptr<Recording> marked_ends_;             // the same, with marks at its ends alone
  std::vector<std::unique_ptr<Recording>> each_step_;  // once run_timed was called
  std::vector<std::unique_ptr<Event>> events_;         // as many as were marked at most
};

}  // namespace kissa::runtime
