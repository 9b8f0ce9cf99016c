// Tactics chosen by what the whole network takes: steps that start early share the device with
// those before and behind, so that the fastest alone need not be the fastest together.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "planner/plan.h"
#include "runtime/context.h"

namespace kissa::runtime {

// Another tactic of a group, and the microseconds that it takes longer alone than the chosen one.
struct Alternative {
  std::size_t group = 0;
  std::size_t tactic = 0;
  double loss = 0;
};

struct Refined {
  Choice choice;
  bool is_complete = false;  // all alternatives were tried
};

// Tries one alternative after the other, the least loss first, as long as `has_time`, each with
// what was found before. `wins`: whether a network of this choice is faster than the fastest so
// far.
Refined refine(const Choice& start, std::vector<Alternative> alternatives,
               const std::function<bool(const Choice&)>& wins,
               const std::function<bool()>& has_time);

// Networks of different choices that run against each other.
class Race {
 public:
  Race(const PlanRequest& request, const Choice& start);
  // Lets it run in turns with the fastest so far, whose place it takes if it wins every turn. Never
  // won where the memory does not hold both.
  bool is_won_by(const Choice& choice);

 private:
  std::unique_ptr<Context> runner(const Choice& choice) const;

  const PlanRequest& request_;
  std::unique_ptr<Context> fastest_;
  int repeats_ = 1;  // of a turn
};

}  // namespace kissa::runtime
