// What a list of times says, as trtexec sums it up.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace kissa::tools {

// In the unit of the times.
struct Latency {
  double min = 0;
  double max = 0;
  double mean = 0;
  double median = 0;
  double p90 = 0;
  double p95 = 0;
  double p99 = 0;
};

// `times` holds one or more.
Latency summarize(std::vector<double> times);

// The largest of n times but for the floor((100 - percent) / 100 n) largest; `ascending` holds one
// or more.
double percentile(std::span<const double> ascending, double percent);

}  // namespace kissa::tools
