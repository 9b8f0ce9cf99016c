#include "runtime/context.h"

#include <chrono>

namespace kissa::runtime {

Context::Context(std::shared_ptr<const Plan> plan)
    : plan_(std::move(plan)),
      arena_(plan_->device->allocate(plan_->arena_bytes)),
      stream_(plan_->device->create_stream()) {
  for (const PlanStep& step : plan_->steps) {
    BoundStep bound{.step = step.step.get(), .inputs = {}, .outputs = {}, .workspace = {}};
    for (const std::int64_t offset : step.inputs) bound.inputs.push_back(at(offset));
    for (const std::int64_t offset : step.outputs) bound.outputs.push_back(at(offset));
    bound.workspace = at(step.workspace);
    steps_.push_back(std::move(bound));
  }
}

void* Context::at(std::int64_t offset) const { return static_cast<char*>(arena_->data()) + offset; }

std::vector<double> Context::run_timed() {
  using Clock = std::chrono::steady_clock;
  std::vector<double> microseconds(steps_.size());
  auto last = Clock::now();
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    steps_[i].step->run({steps_[i].inputs, steps_[i].outputs, steps_[i].workspace}, *stream_);
    stream_->synchronize();
    const auto now = Clock::now();
    microseconds[i] = std::chrono::duration<double, std::micro>(now - last).count();
    last = now;
  }
  return microseconds;
}

void Context::run() {
  for (const BoundStep& bound : steps_) {
    bound.step->run({bound.inputs, bound.outputs, bound.workspace}, *stream_);
    if (plan_->mode == Mode::kCaffe) stream_->synchronize();
  }
  stream_->synchronize();
}

}  // namespace kissa::runtime
