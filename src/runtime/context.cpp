#include "runtime/context.h"

#include <chrono>
#include <numeric>

#include "planner/memory_plan.h"

namespace kissa::runtime {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

}  // namespace

Context::Context(std::shared_ptr<const Plan> plan, const ContextOptions& options)
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
  bind_ports();
  if (plan_->mode != Mode::kCaffe && options.graph)
    all_ = stream_->record([&] {
      copy_inputs();
      run_steps();
      copy_outputs();
    });
}

void* Context::at(std::int64_t offset) const { return static_cast<char*>(arena_->data()) + offset; }

void Context::bind_ports() {
  constexpr std::int64_t kAlignment = MemoryPlan::kAlignment;
  std::int64_t end = 0;
  const auto add = [&](std::vector<Port>& ports, ValueId id, std::int64_t offset) {
    const std::int64_t bytes = TensorDesc{.shape = plan_->graph->value(id).shape}.bytes();
    ports.push_back({static_cast<float*>(at(offset)), at(offset), bytes});
    end += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  };
  for (std::size_t i = 0; i < plan_->input_offsets.size(); ++i)
    add(inputs_, plan_->graph->inputs()[i], plan_->input_offsets[i]);
  for (std::size_t i = 0; i < plan_->outputs.size(); ++i)
    add(outputs_, plan_->outputs[i], plan_->output_offsets[i]);
  if (plan_->device->is_host()) return;

  host_ = plan_->device->allocate_host(end);
  auto* next = static_cast<char*>(host_->data());
  for (auto* ports : {&inputs_, &outputs_}) {
    for (Port& port : *ports) {
      port.host = reinterpret_cast<float*>(next);
      next += (port.bytes + kAlignment - 1) / kAlignment * kAlignment;
    }
  }
}

void Context::copy_inputs() {
  if (host_ == nullptr) return;
  for (const Port& port : inputs_) stream_->copy(port.device, port.host, port.bytes);
}

void Context::copy_outputs() {
  if (host_ == nullptr) return;
  for (const Port& port : outputs_) stream_->copy(port.host, port.device, port.bytes);
}

void Context::run_step(const BoundStep& bound) {
  bound.step->run({bound.inputs, bound.outputs, bound.workspace}, *stream_);
}

void Context::run_steps() {
  for (const BoundStep& bound : steps_) {
    run_step(bound);
    if (waits_for_each()) stream_->synchronize();
  }
}

std::vector<double> Context::run_timed() {
  std::vector<double> microseconds(steps_.size());
  copy_inputs();
  stream_->synchronize();
  // Starting work on another device takes longer than a small step: several at once hide that.
  constexpr int kRepeats = 20;
  const bool is_recorded = all_ != nullptr;
  for (std::size_t i = 0; is_recorded && each_step_.size() < steps_.size(); ++i)
    each_step_.push_back(stream_->record([&] {
      for (int r = 0; r < kRepeats; ++r) run_step(steps_[i]);
    }));
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto start = Clock::now();
    if (is_recorded)
      each_step_[i]->replay();
    else
      run_step(steps_[i]);
    stream_->synchronize();
    microseconds[i] = microseconds_since(start) / (is_recorded ? kRepeats : 1);
  }
  copy_outputs();
  stream_->synchronize();
  return microseconds;
}

void Context::run() {
  if (all_ != nullptr) {
    all_->replay();
  } else {
    copy_inputs();
    run_steps();
    copy_outputs();
  }
  stream_->synchronize();
}

void Context::start_steps() {
  if (only_steps_ == nullptr && all_ != nullptr)
    only_steps_ = stream_->record([&] { run_steps(); });
  if (only_steps_ != nullptr)
    only_steps_->replay();
  else
    run_steps();
}

void Context::mark(std::size_t i) { stream_->mark(*events_[i]); }

void Context::need_marks(std::size_t count) {
  while (events_.size() < count) events_.push_back(stream_->create_event());
}

double Context::microseconds_between_marks(std::size_t i) const {
  return stream_->microseconds_between(*events_[i], *events_[i + 1]);
}

double Context::time_on_device(int times) {
  need_marks(2);
  stream_->synchronize();
  mark(0);
  for (int i = 0; i < times; ++i) start_steps();
  mark(1);
  stream_->synchronize();
  return microseconds_between_marks(0) / times;
}

RunTimes Context::run_measured(bool copies) {
  need_marks(4);
  RunTimes times;
  const auto start = Clock::now();
  if (copies) {
    mark(0);
    copy_inputs();
  }
  mark(1);
  const auto steps = Clock::now();
  start_steps();
  times.enqueue = microseconds_since(steps);
  mark(2);
  if (copies) {
    copy_outputs();
    mark(3);
  }
  stream_->synchronize();
  times.wall = microseconds_since(start);
  times.compute = microseconds_between_marks(1);
  if (host_ == nullptr) {
    times.enqueue = 0;
    return times;
  }
  if (!copies) return times;
  times.h2d = microseconds_between_marks(0);
  times.d2h = microseconds_between_marks(2);
  return times;
}

void Context::clock_steps(StepTimes& times) {
  times.launch.reserve(steps_.size());
  times.wait.reserve(steps_.size());
  const auto start = Clock::now();
  auto last = start;
  const auto lap = [&](std::vector<double>& laps) {
    const auto now = Clock::now();
    laps.push_back(std::chrono::duration<double, std::micro>(now - last).count());
    last = now;
  };
  const auto wait = [&] {
    lap(times.launch);
    stream_->synchronize();
    lap(times.wait);
  };
  if (waits_for_each()) {
    for (const BoundStep& bound : steps_) {
      run_step(bound);
      wait();
    }
  } else {
    start_steps();
    wait();
  }
  times.wall = std::chrono::duration<double, std::micro>(last - start).count();
}

StepTimes Context::run_profiled() {
  need_marks(steps_.size() + 1);
  StepTimes times;
  // Recorded, so that the device need not wait for the host between steps.
  const auto run = [&](std::unique_ptr<Recording>& recording, const std::function<void()>& work) {
    if (recording == nullptr && host_ != nullptr) recording = stream_->record(work);
    if (recording != nullptr)
      recording->replay();
    else
      work();
    stream_->synchronize();
  };
  if (host_ != nullptr) {
    if (!waits_for_each()) {  // what recording would take is no part of the run
      start_steps();
      stream_->synchronize();
    }
    clock_steps(times);
    run(marked_ends_, [&] {
      mark(0);
      for (const BoundStep& bound : steps_) run_step(bound);
      mark(1);
    });
    times.computing = microseconds_between_marks(0);
  }
  const auto start = Clock::now();
  run(marked_steps_, [&] {
    mark(0);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      run_step(steps_[i]);
      mark(i + 1);
    }
  });
  if (host_ == nullptr) times.wall = microseconds_since(start);
  for (std::size_t i = 0; i < steps_.size(); ++i)
    times.device.push_back(microseconds_between_marks(i));
  if (host_ == nullptr)
    times.computing = std::accumulate(times.device.begin(), times.device.end(), 0.0);
  return times;
}

}  // namespace kissa::runtime
