// What a list of times says, as trtexec sums it up.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace kissa::tools {

struct Percentile {
  double percent = 0;
  double value = 0;
};

// In the unit of the times.
struct Latency {
  double min = 0;
  double max = 0;
  double mean = 0;
  double median = 0;
  double variation = 0;  // standard deviation / mean; 0 where the mean is 0
  std::vector<Percentile> percentiles = {};
};

// `times` holds one or more.
Latency summarize(std::vector<double> times, std::span<const double> percents = {});

// The largest of n times but for the floor((100 - percent) / 100 n) largest; `ascending` holds one
// or more.
double percentile(std::span<const double> ascending, double percent);

// "min = 1 ms, max = 3 ms, mean = 2 ms, median = 2 ms, percentile(99%) = 3 ms", for times in ms.
std::string to_text(const Latency& latency);

// "90,95,99.9" -> {90, 95, 99.9}. Throws kInvalidArgument unless all are from 0 to 100.
std::vector<double> parse_percents(const std::string& text);

}  // namespace kissa::tools
