#include "runtime/load_plan.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/system.h"
#include "ir/graph_json.h"
#include "ir/json.h"

namespace kissa::runtime {
namespace {

// "cpu.conv.gemm.f32.avx512" -> "cpu.conv.gemm.f32": the same method on any instruction set.
std::string_view without_isa(std::string_view tactic) {
  return tactic.substr(0, tactic.rfind('.'));
}

struct Matched {
  Choice choice;
  int same = 0;   // groups that take the very tactic that they are said to take
  int alike = 0;  // that take it for another instruction set
  int other = 0;  // that take another one
};

void choose(const Group& group, std::string_view wanted, std::size_t& choice, Matched& matched) {
  const auto find = [&](auto&& is_it) {
    const auto it = std::find_if(group.tactics.begin(), group.tactics.end(), is_it);
    if (it == group.tactics.end()) return false;
    choice = static_cast<std::size_t>(it - group.tactics.begin());
    return true;
  };
  if (wanted.empty() || find([&](const Tactic* tactic) { return tactic->name() == wanted; }))
    ++matched.same;
  else if (find([&](const Tactic* tactic) {
             return without_isa(tactic->name()) == without_isa(wanted);
           }))
    ++matched.alike;
  else
    ++matched.other;
}

// For each group of nodes the tactic that `chosen` names for them.
Matched match(const PlanRequest& request, const std::vector<ChosenTactic>& chosen) {
  std::map<std::vector<NodeId>, std::string_view> tactics;
  for (const ChosenTactic& each : chosen) tactics.emplace(each.nodes, each.tactic);
  Matched matched{.choice = Choice(request.groups.size(), 0)};
  for (std::size_t g = 0; g < request.groups.size(); ++g) {
    const Group& group = request.groups[g];
    const auto it = tactics.find(group.nodes);
    if (it != tactics.end())
      choose(group, it->second, matched.choice[g], matched);
    else
      ++matched.other;
  }
  return matched;
}

// Steps that pack no weights read their constants from the file itself.
void check_read_constants(const PlanFile& file, const Plan& plan) {
  for (const PlanStep& step : plan.steps) {
    for (const NodeId n : step.nodes) {
      const Node& node = plan.graph->node(n);
      for (const ValueId id : node.inputs) file.check_constant(id);
      if (step.packs) continue;
      for (const ValueId id : node.params) file.check_constant(id);
    }
  }
}

template <class Body>
auto in_file(const PlanFile& file, Body&& body) {
  return with_context([&] { return file.path(); }, std::forward<Body>(body));
}

// The device that the file names.
std::shared_ptr<Device> create_device(const PlanFile& file, const Backend& backend,
                                      const DeviceOptions& options) {
  const std::string& wanted = file.record().description;
  const auto create = [&]() -> std::shared_ptr<Device> {
    try {
      return backend.create(options);
    } catch (Error& error) {
      if (error.code() == ErrorCode::kDevice)
        error.add_context(
            fmt::format("was built for {}; build it again for another device", wanted));
      throw;
    }
  };
  auto device = in_file(file, create);
  if (!device->is_host() && device->description() != wanted)
    fail(ErrorCode::kDevice, "{}: was built for {}, but {} here is {}: build it again for that",
         file.path(), wanted, device->name(), device->description());
  return device;
}

std::shared_ptr<const Plan> load_packed(const PlanFile& file, const PlanRequest& request,
                                        const Choice& choice) {
  Device& device = *request.device;
  auto weights = std::make_unique<WeightArena>(device, file.record().pieces, [&](void* memory) {
    file.read_weights(memory, device.is_host() ? device.threads() : usable_threads());
  });
  auto plan = in_file(file, [&] { return make_plan(request, choice, std::move(weights)); });
  check_read_constants(file, *plan);
  return plan;
}

// Of a processor its set of instructions is told apart, of any other device its description.
std::string machine_text(const Device& device, const std::string& isa, int threads) {
  if (!device.is_host()) return device.description();
  return fmt::format("{}, {} {}", isa, threads, threads == 1 ? "thread" : "threads");
}

// Threads are the user's to choose; the rest changes without being asked for.
void log_rebuild(const PlanFile& file, const Device& device, const Matched& matched) {
  const PlanRecord& record = file.record();
  const bool is_asked_for = record.isa == device.isa() && matched.other == 0;
  log(is_asked_for ? LogLevel::kInfo : LogLevel::kWarning,
      "{}: was built by Kissa {} for {}; here, for {}, its weights are packed anew, and {} of {} "
      "steps take other kernels; build it here for the best speed",
      file.path(), record.version, machine_text(device, record.isa, record.threads),
      machine_text(device, device.isa(), device.threads()), matched.other,
      matched.same + matched.alike + matched.other);
}

// All that makes a network but its numbers and the names of its files.
json::Json structure_of(const Graph& graph) {
  json::Json json = to_json(graph);
  for (json::Json& item : json["items"]) item.erase("where");
  return json;
}

}  // namespace

std::shared_ptr<const Plan> load_plan(const PlanFile& file, const Backend& backend,
                                      DeviceOptions device_options, std::string_view version) {
  const PlanRecord& record = file.record();
  if (device_options.threads == 0) device_options.threads = record.threads_asked;
  const PlanOptions options = {
      .mode = record.mode, .precision = record.precision, .device = device_options, .fetch = {}};
  auto created = create_device(file, backend, options.device);
  const PlanRequest request = in_file(
      file, [&] { return make_request(file.graph(), backend, options, std::move(created)); });
  const Device& device = *request.device;
  const Matched matched = match(request, record.tactics);
  if (record.version == version && record.isa == device.isa() &&
      record.threads == device.threads() && matched.alike == 0 && matched.other == 0)
    return load_packed(file, request, matched.choice);
  file.check_all_constants();
  log_rebuild(file, device, matched);
  return in_file(file, [&] { return make_plan(request, matched.choice); });
}

std::shared_ptr<const Plan> refit_plan(const Plan& plan, std::shared_ptr<const Graph> graph,
                                       const Backend& backend, Precision precision) {
  if (structure_of(*graph) != structure_of(*plan.graph))
    fail(
        ErrorCode::kInvalidModel,
        "the new weights do not make the same network: it was rewritten in another way, so that it "
        "has to be built anew");
  const PlanRequest request = make_request(
      std::move(graph), backend,
      {.mode = plan.mode, .precision = precision, .device = {}, .fetch = {}}, plan.device);
  return make_plan(request, match(request, tactics_of(plan)).choice);
}

}  // namespace kissa::runtime
