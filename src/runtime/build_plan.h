// From a graph to the plan to run: passes, partition, and tactics chosen by measurement.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "planner/plan.h"

namespace kissa::runtime {

struct BuildOptions {
  PlanOptions plan;
  std::string timing_cache;          // a file to read and extend; empty: none
  bool error_on_cache_miss = false;  // measure nothing; throw kInvalidArgument where times lack
  double build_seconds = 3.0;        // for measuring; 0: the static order of the tactics
};

// Measures each group's tactics inside runs of the whole network, each with the caches that its
// neighbours leave, and takes the fastest. Times that the cache holds are not measured again, so
// that a complete cache gives the same plan every time.
std::shared_ptr<const Plan> build_plan(std::shared_ptr<const Graph> graph, const Backend& backend,
                                       const BuildOptions& options);

}  // namespace kissa::runtime
