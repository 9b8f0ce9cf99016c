#include "runtime/build_plan.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/log.h"
#include "runtime/refine.h"
#include "runtime/tuner.h"

namespace kissa::runtime {
namespace {

using Clock = std::chrono::steady_clock;

void refuse_to_measure(const PlanRequest& request, const std::string& cache) {
  if (cache.empty())
    fail(ErrorCode::kInvalidArgument,
         "a complete timing cache is demanded, but none is given: name its file");
  fail(ErrorCode::kInvalidArgument,
       "the timing cache '{}' lacks tactics of this network on {}: build once without the demand "
       "for a complete cache",
       cache, request.device->description());
}

Choice tune(const PlanRequest& request, const BuildOptions& options) {
  const auto end = Clock::now() + std::chrono::duration<double>(options.build_seconds);
  const auto has_time = [&] { return Clock::now() < end; };
  Tuner tuner(request, options.timing_cache);
  // Steps on the host run one after the other, just as they are measured.
  const bool refines = !request.device->is_host();
  if (tuner.is_complete()) {
    if (!refines) return tuner.best();
    if (const auto choice = tuner.remembered()) return *choice;
  }
  if (options.error_on_cache_miss) refuse_to_measure(request, options.timing_cache);

  while (!tuner.is_complete() && has_time()) tuner.measure_next();
  Refined refined{.choice = tuner.best(), .is_complete = !refines};
  if (refines && tuner.is_complete() && has_time()) {
    Race race(request, refined.choice);
    refined = refine(
        refined.choice, tuner.alternatives(),
        [&](const Choice& choice) { return race.is_won_by(choice); }, has_time);
    if (refined.is_complete) tuner.remember(refined.choice);
  }
  if (!tuner.is_complete())
    log(LogLevel::kInfo, "the time for measuring tactics is over: the rest go by their order");
  else if (!refined.is_complete)
    log(LogLevel::kInfo,
        "the time for measuring tactics is over: not all were tried in the whole network");
  if (!options.timing_cache.empty()) tuner.cache().save(options.timing_cache);
  return refined.choice;
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
