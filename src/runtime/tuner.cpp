#include "runtime/tuner.h"

#include <algorithm>
#include <chrono>

#include "planner/schedule.h"
#include "runtime/random_input.h"

namespace kissa::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// Runs to take the least of, after one that warms up: few of a large network, and for as long as
// this of a small one.
constexpr int kLeastRuns = 5;
constexpr double kLeastSeconds = 0.1;

// What a tactic may take alone, in times of the fastest, to be worth a try among others.
constexpr double kNearly = 1.3;

}  // namespace

Tuner::Tuner(const PlanRequest& request, const std::string& cache_path)
    : request_(request), machine_(request.device->description()) {
  if (!cache_path.empty()) cache_ = TimingCache::load(cache_path);
  for (const Group& group : request.groups)
    signatures_.push_back(
        signature_of(region_of(*request.graph, group.nodes, request.outputs).region));
  network_ = network_key(request.groups, signatures_);
}

void Tuner::measure_next() {
  const Choice choice = next_missing();
  const auto plan = make_plan(request_, choice);
  Context context(plan);
  fill_inputs(context, *plan);
  std::vector<double> least(plan->steps.size(), 1e30);
  std::vector<double> times;
  context.run();
  const auto end = Clock::now() + std::chrono::duration<double>(kLeastSeconds);
  for (int run = 0; run < kLeastRuns || Clock::now() < end; ++run) {
    times = context.run_timed();
    for (std::size_t i = 0; i < times.size(); ++i) least[i] = std::min(least[i], times[i]);
  }
  for (std::size_t i = 0; i < least.size(); ++i) {
    if (plan->steps[i].group == kNone) continue;
    const auto g = static_cast<std::size_t>(plan->steps[i].group);
    cache_.insert(machine_, signatures_[g], plan->steps[i].tactic, least[i]);
  }
}

Choice Tuner::best() const {
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

std::vector<Alternative> Tuner::alternatives() const {
  const Choice chosen = best();
  std::vector<Alternative> alternatives;
  for (std::size_t g = 0; g < chosen.size(); ++g) {
    if (request_.groups[g].tactics.empty()) continue;
    const auto least = find(g, chosen[g]);
    if (!least) continue;
    for (std::size_t t = 0; t < request_.groups[g].tactics.size(); ++t) {
      const auto time = find(g, t);
      if (t != chosen[g] && time && *time <= kNearly * *least)
        alternatives.push_back({.group = g, .tactic = t, .loss = *time - *least});
    }
  }
  return alternatives;
}

std::optional<Choice> Tuner::remembered() const {
  const auto names = cache_.find_choice(machine_, network_);
  if (!names || names->size() != request_.groups.size()) return std::nullopt;
  Choice choice(names->size(), 0);
  for (std::size_t g = 0; g < choice.size(); ++g) {
    const auto& tactics = request_.groups[g].tactics;
    if (tactics.empty()) continue;
    const auto named = std::find_if(tactics.begin(), tactics.end(), [&](const Tactic* tactic) {
      return tactic->name() == (*names)[g];
    });
    if (named == tactics.end()) return std::nullopt;
    choice[g] = static_cast<std::size_t>(named - tactics.begin());
  }
  return choice;
}

void Tuner::remember(const Choice& choice) {
  std::vector<std::string> names;
  for (std::size_t g = 0; g < choice.size(); ++g) {
    const auto& tactics = request_.groups[g].tactics;
    names.emplace_back(tactics.empty() ? "" : tactics[choice[g]]->name());
  }
  cache_.insert_choice(machine_, network_, std::move(names));
}

std::optional<double> Tuner::find(std::size_t group, std::size_t tactic) const {
  return cache_.find(machine_, signatures_[group], request_.groups[group].tactics[tactic]->name());
}

// For each group its first tactic without a time, else its best; empty where nothing is missing.
Choice Tuner::next_missing() const {
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
bool Tuner::runs_any(const Choice& choice, const std::vector<std::size_t>& groups) const {
  if (groups.empty()) return false;
  const Schedule schedule =
      make_schedule(*request_.graph, request_.groups, choice, request_.tactics, request_.outputs);
  return std::any_of(schedule.steps.begin(), schedule.steps.end(), [&](const ScheduledStep& step) {
    return step.group != kNone &&
           std::binary_search(groups.begin(), groups.end(), static_cast<std::size_t>(step.group));
  });
}

}  // namespace kissa::runtime
