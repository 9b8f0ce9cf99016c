#include "latency.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace kissa::tools {
namespace {

double median(std::span<const double> ascending) {
  const std::size_t middle = ascending.size() / 2;
  if (ascending.size() % 2 == 1) return ascending[middle];
  return (ascending[middle - 1] + ascending[middle]) / 2;
}

}  // namespace

double percentile(std::span<const double> ascending, double percent) {
  KISSA_CHECK(!ascending.empty() && percent >= 0 && percent <= 100);
  const auto count = static_cast<double>(ascending.size());
  const auto beyond = static_cast<std::size_t>((100 - percent) * count / 100);
  return ascending[ascending.size() - 1 - std::min(beyond, ascending.size() - 1)];
}

Latency summarize(std::vector<double> times) {
  KISSA_CHECK(!times.empty());
  std::sort(times.begin(), times.end());
  const double sum = std::accumulate(times.begin(), times.end(), 0.0);
  return {.min = times.front(),
          .max = times.back(),
          .mean = sum / static_cast<double>(times.size()),
          .median = median(times),
          .p90 = percentile(times, 90),
          .p95 = percentile(times, 95),
          .p99 = percentile(times, 99)};
}

}  // namespace kissa::tools
