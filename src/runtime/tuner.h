// Measures tactics, each in a step of its own inside runs of the whole network.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "planner/plan.h"
#include "planner/timing_cache.h"
#include "runtime/refine.h"

namespace kissa::runtime {

class Tuner {
 public:
  // `cache_path`: of a timing cache, whose times are not measured again; empty: none.
  Tuner(const PlanRequest& request, const std::string& cache_path);

  // Whether the time of every tactic is known.
  bool is_complete() const { return next_missing().empty(); }
  // Measures one more tactic of each group that still lacks times, all in one plan.
  void measure_next();

  // The fastest known tactic of each group; the first of the list where no time is known.
  Choice best() const;
  // Tactics that alone are nearly as fast as these.
  std::vector<Alternative> alternatives() const;

  // The choice that was remembered for this network on this machine.
  std::optional<Choice> remembered() const;
  void remember(const Choice& choice);
  const TimingCache& cache() const { return cache_; }

 private:
  std::optional<double> find(std::size_t group, std::size_t tactic) const;
  Choice next_missing() const;
  bool runs_any(const Choice& choice, const std::vector<std::size_t>& groups) const;

  const PlanRequest& request_;
  std::string machine_;
  TimingCache cache_;
  std::vector<std::string> signatures_;  // by group
  std::string network_;
};

}  // namespace kissa::runtime
