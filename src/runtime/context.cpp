#include "runtime/context.h"

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

void Context::run() {
  for (const BoundStep& bound : steps_) {
    bound.step->run({bound.inputs, bound.outputs, bound.workspace}, *stream_);
    if (plan_->mode == Mode::kCaffe) stream_->synchronize();
  }
  stream_->synchronize();
}

}  // namespace kissa::runtime
