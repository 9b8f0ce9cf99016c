#include "planner/plan.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace kissa {
namespace {

// The region of a single node, its values in the order inputs, parameters, outputs.
Region region_of(const Graph& graph, const Node& node) {
  Region region;
  Region::Node inner{.op = node.op, .epilogue = node.epilogue};
  const auto add = [&](ValueId id) {
    const Value& value = graph.value(id);
    region.values.push_back({.desc = {.shape = value.shape}, .constant = value.data.get()});
    return static_cast<int>(region.values.size()) - 1;
  };
  for (const ValueId id : node.inputs) {
    inner.inputs.push_back(add(id));
    if (!graph.value(id).is_constant) region.inputs.push_back(inner.inputs.back());
  }
  for (const ValueId id : node.params) inner.params.push_back(add(id));
  for (const ValueId id : node.outputs) {
    inner.outputs.push_back(add(id));
    region.outputs.push_back(inner.outputs.back());
  }
  region.nodes.push_back(std::move(inner));
  return region;
}

void require_data(const Graph& graph, const Node& node) {
  const auto check = [&](ValueId id) {
    const Value& value = graph.value(id);
    if (value.is_constant && value.shape.elements() > 0 && value.data == nullptr)
      fail(ErrorCode::kInvalidModel,
           "{}: layer '{}' has no values for {} ({}): give a weight file that holds them, or fill "
           "them with random weights",
           node.where, node.name, value.name, value.shape.to_string());
  };
  for (const ValueId id : node.inputs) check(id);
  for (const ValueId id : node.params) check(id);
}

const Tactic* choose(const Region& region, TacticList tactics, TacticChoice& choice) {
  for (const Tactic* tactic : tactics) {
    auto reason = tactic->refuse(region);
    if (!reason) {
      choice.tactic = tactic->name();
      return tactic;
    }
    choice.refusals.push_back({tactic->name(), std::move(*reason)});
  }
  return nullptr;
}

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

// Which values share one place in memory, and how long each place is needed.
class Places {
 public:
  Places(const Graph& graph, const std::vector<ValueId>& outputs) : graph_(graph) {
    const std::size_t count = graph.values().size();
    root_.resize(count);
    std::iota(root_.begin(), root_.end(), 0);
    last_use_.assign(count, -1);
    const int end = static_cast<int>(graph.nodes().size());
    for (int n = 0; n < end; ++n)
      for (const ValueId id : graph.node(n).inputs) last_use_[index(id)] = n;
    // Inputs stay as the caller wrote them; outputs and unread values stay until the caller reads.
    for (const ValueId id : graph.inputs()) last_use_[index(id)] = end;
    for (const ValueId id : outputs) last_use_[index(id)] = end;
    for (int n = 0; n < end; ++n) share(n);
  }

  // True for a node whose output is its input's memory: nothing is left to run.
  bool is_free(const Node& node) const {
    return is_view(node.op) && !graph_.value(node.inputs[0]).is_constant;
  }
  ValueId root(ValueId id) const { return root_[index(id)]; }
  Lifetime lifetime(ValueId root) const {
    const Value& value = graph_.value(root);
    const int first = std::max(value.producer, 0);
    return {.bytes = TensorDesc{.shape = value.shape}.bytes(),
            .first = first,
            .last = std::max(first, last_use_[index(root)])};
  }

 private:
  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

  // Lets the output of a view, and of an elementwise op that is its input's last reader, take over
  // the input's place.
  void share(NodeId n) {
    const Node& node = graph_.node(n);
    if (node.inputs.empty() || graph_.value(node.inputs[0]).is_constant) return;
    const ValueId in = root(node.inputs[0]);
    if (!is_free(node) && !may_run_in_place(n, in)) return;
    const ValueId out = node.outputs[0];
    root_[index(out)] = in;
    last_use_[index(in)] = std::max(last_use_[index(in)], last_use_[index(out)]);
  }

  // An input that stands twice in the list must not be overwritten while it is still to be read.
  bool may_run_in_place(NodeId n, ValueId in) const {
    const Node& node = graph_.node(n);
    if (!is_elementwise(node.op) || last_use_[index(in)] != n) return false;
    return std::none_of(node.inputs.begin() + 1, node.inputs.end(),
                        [&](ValueId other) { return root(other) == in; });
  }

  const Graph& graph_;
  std::vector<ValueId> root_;
  std::vector<int> last_use_;
};

void place_values(Plan& plan, const Places& places) {
  const Graph& graph = *plan.graph;
  std::vector<Lifetime> lifetimes;
  std::vector<ValueId> roots;
  for (std::size_t i = 0; i < graph.values().size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    if (graph.value(id).is_constant || places.root(id) != id) continue;
    roots.push_back(id);
    lifetimes.push_back(places.lifetime(id));
  }
  for (const PlanStep& step : plan.steps)
    lifetimes.push_back({step.step->workspace_bytes(), step.node, step.node});

  const MemoryPlan memory = plan_memory(lifetimes);
  plan.arena_bytes = memory.arena_bytes;
  plan.activation_bytes = memory.sum_bytes;
  plan.offsets.assign(graph.values().size(), 0);
  for (std::size_t i = 0; i < roots.size(); ++i)
    plan.offsets[static_cast<std::size_t>(roots[i])] = memory.offsets[i];
  const auto offset = [&](ValueId id) {
    return plan.offsets[static_cast<std::size_t>(places.root(id))];
  };
  for (std::size_t i = 0; i < graph.values().size(); ++i)
    plan.offsets[i] = offset(static_cast<ValueId>(i));
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    PlanStep& step = plan.steps[i];
    step.workspace = memory.offsets[roots.size() + i];
    for (const ValueId id : graph.node(step.node).inputs)
      if (!graph.value(id).is_constant) step.inputs.push_back(offset(id));
    for (const ValueId id : graph.node(step.node).outputs) step.outputs.push_back(offset(id));
  }
}

// Asked before a context allocates, because the kernel hands out memory that it does not have.
void require_memory(const Device& device, std::int64_t bytes) {
  const std::int64_t available = device.available_memory();
  if (bytes > available)
    fail(
        ErrorCode::kOutOfMemory,
        "this network needs {:.1f} GB for its activations, but only {:.1f} GB are available on {}; "
        "use a smaller batch or input",
        static_cast<double>(bytes) * 1e-9, static_cast<double>(available) * 1e-9, device.name());
}

}  // namespace

std::shared_ptr<const Plan> make_plan(std::shared_ptr<const Graph> graph, const Backend& backend,
                                      const PlanOptions& options) {
  const TacticList tactics = backend.tactics(options.mode, options.precision);
  if (tactics.empty())
    fail(ErrorCode::kUnsupported, "mode {} with precision {} is not built yet on device {}",
         to_string(options.mode), to_string(options.precision), backend.name);

  auto plan = std::make_shared<Plan>();
  plan->graph = std::move(graph);
  plan->device = backend.create(options.threads);
  plan->weights = plan->device->create_weight_arena();
  plan->mode = options.mode;
  plan->outputs = outputs_of(*plan->graph, options.fetch);
  const Places places(*plan->graph, plan->outputs);

  for (std::size_t n = 0; n < plan->graph->nodes().size(); ++n) {
    const Node& node = plan->graph->nodes()[n];
    if (places.is_free(node)) continue;
    require_data(*plan->graph, node);
    const Region region = region_of(*plan->graph, node);
    PlanStep step{.node = static_cast<NodeId>(n)};
    const Tactic* tactic = choose(region, tactics, step.choice);
    if (tactic == nullptr)
      fail(ErrorCode::kUnsupported, "{}: layer '{}' ({}) has no implementation for device {}: {}",
           node.where, node.name, name_of(node.op), backend.name,
           step.choice.refusals.back().reason);
    step.step = tactic->prepare(region, *plan->weights);
    plan->steps.push_back(std::move(step));
  }
  plan->weight_bytes = plan->weights->bytes();
  for (const Value& value : plan->graph->values())
    if (value.is_constant) plan->weight_bytes += TensorDesc{.shape = value.shape}.bytes();

  place_values(*plan, places);
  require_memory(*plan->device, plan->arena_bytes);
  return plan;
}

}  // namespace kissa
