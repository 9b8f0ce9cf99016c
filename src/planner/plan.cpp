#include "planner/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "planner/schedule.h"

namespace kissa {
namespace {

std::vector<ValueId> outputs_of(const Graph& graph, const std::vector<std::string>& fetch) {
  std::vector<ValueId> outputs = graph.outputs();
  for (const std::string& name : fetch) {
    const ValueId id = graph.find_value(name);
    if (id == kNone)
      fail(ErrorCode::kInvalidArgument, "there is no blob '{}' in this network to fetch", name);
    if (std::find(outputs.begin(), outputs.end(), id) == outputs.end()) outputs.push_back(id);
  }
  return outputs;
}

// The refusals of the tactics before `chosen`, in the order of `tactics`.
std::vector<Refusal> refusals_before(const Tactic* chosen, TacticList tactics,
                                     const std::vector<Refusal>& refusals) {
  std::vector<Refusal> before;
  auto refusal = refusals.begin();
  for (const Tactic* tactic : tactics) {
    if (tactic == chosen || refusal == refusals.end()) break;
    if (refusal->tactic == tactic->name()) before.push_back(*refusal++);
  }
  return before;
}

PlanStep prepare(const ScheduledStep& scheduled, const PlanRequest& request,
                 const PrepareContext& context) {
  PlanStep step;
  step.group = scheduled.group;
  const GraphRegion& region = scheduled.region;
  for (const int output : region.region.outputs)
    step.writes.push_back(region.values[static_cast<std::size_t>(output)]);
  step.tactic = scheduled.tactic->name();
  const std::size_t pieces = context.weights.pieces().size();
  step.step = scheduled.tactic->prepare(region.region, context);
  step.packs = context.weights.pieces().size() > pieces;
  if (scheduled.group == kNone) return step;
  const Group& group = request.groups[static_cast<std::size_t>(scheduled.group)];
  step.refusals = refusals_before(scheduled.tactic, request.tactics, group.refusals);
  step.nodes = group.nodes;
  for (const NodeId n : group.nodes) {
    const std::vector<std::string>& layers = request.graph->node(n).layers;
    step.layers.insert(step.layers.end(), layers.begin(), layers.end());
  }
  return step;
}

// Gives every slot and workspace its place in the arena.
void place(Plan& plan, const Schedule& schedule) {
  std::vector<Lifetime> lives;
  std::vector<std::size_t> index(schedule.slots.size(), 0);
  std::vector<ValueId> values;
  for (std::size_t i = 0; i < schedule.slots.size(); ++i) {
    const Slot& slot = schedule.slots[i];
    if (slot.parent != kNone) continue;
    index[i] = lives.size();
    values.push_back(slot.value);
    lives.push_back({slot.desc.bytes(), slot.life.first, slot.life.last});
  }
  const std::size_t first_workspace = lives.size();
  for (std::size_t s = 0; s < plan.steps.size(); ++s)
    lives.push_back(
        {plan.steps[s].step->workspace_bytes(), static_cast<int>(s), static_cast<int>(s)});

  const MemoryPlan memory = plan_memory(lives);
  plan.arena_bytes = memory.arena_bytes;
  plan.activation_bytes = memory.sum_bytes;
  for (std::size_t i = 0; i < lives.size(); ++i)
    if (lives[i].bytes > 0)
      plan.placed.push_back({i < first_workspace ? values[i] : kNone, memory.offsets[i],
                             lives[i].bytes, lives[i].first, lives[i].last});
  const auto offsets_of = [&](const std::vector<int>& slots) {
    std::vector<std::int64_t> offsets;
    for (const int slot : slots) {
      const Place at = place_of(schedule, slot);
      offsets.push_back(memory.offsets[index[static_cast<std::size_t>(at.root)]] + at.offset);
    }
    return offsets;
  };
  plan.input_offsets = offsets_of(schedule.inputs);
  plan.output_offsets = offsets_of(schedule.outputs);
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    plan.steps[s].inputs = offsets_of(schedule.steps[s].inputs);
    plan.steps[s].outputs = offsets_of(schedule.steps[s].outputs);
    plan.steps[s].workspace = memory.offsets[first_workspace + s];
  }
}

// Asked before a context allocates, because the kernel hands out memory that it does not have.
void require_memory(const Device& device, std::int64_t bytes) {
  const std::int64_t available = device.available_memory();
  if (bytes > available)
    fail(ErrorCode::kOutOfMemory,
         "this network needs {:.1f} GB for its activations, but only {:.1f} GB are available on "
         "{}; use a smaller batch or input",
         static_cast<double>(bytes) * 1e-9, static_cast<double>(available) * 1e-9, device.name());
}

// "fused fp32", ...
std::vector<std::string> built_modes(const Backend& backend) {
  std::vector<std::string> built;
  for (const Mode mode : {Mode::kCaffe, Mode::kFused})
    for (const Precision precision :
         {Precision::kFp32, Precision::kTf32, Precision::kFp16, Precision::kBf16, Precision::kInt8})
      if (!backend.tactics(mode, precision).empty())
        built.push_back(fmt::format("{} {}", to_string(mode), to_string(precision)));
  return built;
}

}  // namespace

PlanRequest make_request(std::shared_ptr<const Graph> graph, const Backend& backend,
                         const PlanOptions& options, std::shared_ptr<Device> device) {
  PlanRequest request;
  request.graph = std::move(graph);
  request.backend = &backend;
  request.tactics = backend.tactics(options.mode, options.precision);
  if (request.tactics.empty())
    fail(ErrorCode::kUnsupported,
         "mode {} with precision {} is not built on device {}, which has {} here",
         to_string(options.mode), to_string(options.precision), backend.name,
         fmt::join(built_modes(backend), ", "));
  request.device = device ? std::move(device) : backend.create(options.device);
  request.mode = options.mode;
  request.outputs = outputs_of(*request.graph, options.fetch);
  request.groups = partition(*request.graph, request.tactics, request.outputs);
  return request;
}

std::shared_ptr<const Plan> make_plan(const PlanRequest& request, const Choice& choice,
                                      std::unique_ptr<WeightArena> weights) {
  KISSA_CHECK(choice.size() == request.groups.size());
  auto plan = std::make_shared<Plan>();
  plan->graph = request.graph;
  plan->device = request.device;
  plan->weights = weights ? std::move(weights) : std::make_unique<WeightArena>(*plan->device);
  plan->mode = request.mode;
  plan->outputs = request.outputs;

  const Schedule schedule =
      make_schedule(*plan->graph, request.groups, choice, request.tactics, plan->outputs);
  for (const ScheduledStep& step : schedule.steps)
    plan->steps.push_back(prepare(step, request, {*plan->weights, plan->device->threads()}));
  place(*plan, schedule);
  require_memory(*plan->device, plan->arena_bytes);

  plan->weight_bytes = plan->weights->bytes();
  for (const Value& value : plan->graph->values())
    if (value.is_constant) plan->weight_bytes += TensorDesc{.shape = value.shape}.bytes();
  return plan;
}

}  // namespace kissa
