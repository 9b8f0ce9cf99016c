#include "runtime/build_plan.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "base/error.h"
#include "base/log.h"
#include "planner/schedule.h"
#include "planner/timing_cache.h"
#include "runtime/context.h"

namespace kissa::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// Runs to take the least of, after one that warms up: few of a large network, and for as long as
// this of a small one.
constexpr int kLeastRuns = 5;
constexpr double kLeastSeconds = 0.1;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void fill_inputs(Context& context, const Plan& plan) {
  std::mt19937 random(1);
  std::normal_distribution<float> value(0.0f, 50.0f);
  for (std::size_t i = 0; i < plan.graph->inputs().size(); ++i) {
    float* data = context.input(i);
    const std::int64_t count = plan.graph->value(plan.graph->inputs()[i]).shape.elements();
    for (std::int64_t e = 0; e < count; ++e) data[e] = value(random);
  }
}

// Measures tactics in context and keeps the times by signature.
class Tuner {
 public:
  Tuner(const PlanRequest& request, const BuildOptions& options)
      : request_(request), machine_(request.device->description()) {
    if (!options.timing_cache.empty()) cache_ = TimingCache::load(options.timing_cache);
    for (const Group& group : request.groups)
      signatures_.push_back(
          signature_of(region_of(*request.graph, group.nodes, request.outputs).region));
  }

  bool is_complete() const { return next_missing().empty(); }

  // One more tactic of each group that still lacks times, all in one plan.
  void measure_next() {
    const Choice choice = next_missing();
    const auto plan = make_plan(request_, choice);
    Context context(plan);
    fill_inputs(context, *plan);
    std::vector<double> least(plan->steps.size(), 1e30);
    std::vector<double> times;
    context.run();
    const auto start = Clock::now();
    for (int run = 0; run < kLeastRuns || seconds_since(start) < kLeastSeconds; ++run) {
      times = context.run_timed();
      for (std::size_t i = 0; i < times.size(); ++i) least[i] = std::min(least[i], times[i]);
    }
    for (std::size_t i = 0; i < least.size(); ++i) {
      if (plan->steps[i].group == kNone) continue;
      const auto g = static_cast<std::size_t>(plan->steps[i].group);
      cache_.insert(machine_, signatures_[g], plan->steps[i].tactic, least[i]);
    }
  }

  // The fastest known tactic of each group; the first of the list where no time is known.
  Choice best() const {
    Choice choice(request_.groups.size(), 0);
    for (std::size_t g = 0; g < choice.size(); ++g) {
      double least = 1e30;
      for (std::size_t t = 0; t < request_.groups[g].tactics.size(); ++t) {
        const auto time = find(g, t);
        if (time && *time < least) {
          least = *time;
          choice[g] = t;
        }
      }
    }
    return choice;
  }

  const TimingCache& cache() const { return cache_; }

 private:
  std::optional<double> find(std::size_t group, std::size_t tactic) const {
    return cache_.find(machine_, signatures_[group],
                       request_.groups[group].tactics[tactic]->name());
  }

  // For each group its first tactic without a time, else its best; empty where nothing is missing.
  Choice next_missing() const {
    Choice choice = best();
    std::vector<std::size_t> missing;
    for (std::size_t g = 0; g < choice.size(); ++g) {
      const std::size_t count = request_.groups[g].tactics.size();
      if (count < 2) continue;
      for (std::size_t t = 0; t < count; ++t) {
        if (find(g, t)) continue;
        choice[g] = t;
        missing.push_back(g);
        break;
      }
    }
    return runs_any(choice, missing) ? choice : Choice{};
  }

  // Whether any of these groups has a step: concatenations often have none, and so no time.
  bool runs_any(const Choice& choice, const std::vector<std::size_t>& groups) const {
    if (groups.empty()) return false;
    const Schedule schedule =
        make_schedule(*request_.graph, request_.groups, choice, request_.tactics, request_.outputs);
    return std::any_of(
        schedule.steps.begin(), schedule.steps.end(), [&](const ScheduledStep& step) {
          return step.group != kNone && std::binary_search(groups.begin(), groups.end(),
                                                           static_cast<std::size_t>(step.group));
        });
  }

  const PlanRequest& request_;
  std::string machine_;
  TimingCache cache_;
  std::vector<std::string> signatures_;  // by group
};

Choice tune(const PlanRequest& request, const BuildOptions& options) {
  const auto start = Clock::now();
  Tuner tuner(request, options);
  if (tuner.is_complete()) return tuner.best();
  if (options.error_on_cache_miss && options.timing_cache.empty())
    fail(ErrorCode::kInvalidArgument,
         "a complete timing cache is demanded, but none is given: name its file");
  if (options.error_on_cache_miss)
    fail(ErrorCode::kInvalidArgument,
         "the timing cache '{}' lacks tactics of this network on {}: build once without the demand "
         "for a complete cache",
         options.timing_cache, request.device->description());
  while (!tuner.is_complete() && seconds_since(start) < options.build_seconds) tuner.measure_next();
  if (!tuner.is_complete())
    log(LogLevel::kInfo, "the time for measuring tactics is over: the rest go by their order");
  if (!options.timing_cache.empty()) tuner.cache().save(options.timing_cache);
  return tuner.best();
}

}  // namespace

std::shared_ptr<const Plan> build_plan(std::shared_ptr<const Graph> graph, const Backend& backend,
                                       const BuildOptions& options) {
  const PlanRequest request = make_request(std::move(graph), backend, options.plan);
  const bool has_choice = std::any_of(request.groups.begin(), request.groups.end(),
                                      [](const Group& group) { return group.tactics.size() > 1; });
  // Caffe mode runs each layer in the one honest way: the first tactic that takes it.
  if (options.plan.mode == Mode::kCaffe || !has_choice)
    return make_plan(request, Choice(request.groups.size(), 0));
  return make_plan(request, tune(request, options));
}

}  // namespace kissa::runtime
