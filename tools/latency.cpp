#include "latency.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <sstream>

#include "base/error.h"

namespace kissa::tools {
namespace {

double median(std::span<const double> ascending) {
  const std::size_t middle = ascending.size() / 2;
  if (ascending.size() % 2 == 1) return ascending[middle];
  return (ascending[middle - 1] + ascending[middle]) / 2;
}

double variation(std::span<const double> times, double mean) {
  if (mean == 0) return 0;
  double squares = 0;
  for (const double time : times) squares += (time - mean) * (time - mean);
  return std::sqrt(squares / static_cast<double>(times.size())) / mean;
}

}  // namespace

double percentile(std::span<const double> ascending, double percent) {
  KISSA_CHECK(!ascending.empty() && percent >= 0 && percent <= 100);
  const auto count = static_cast<double>(ascending.size());
  const auto beyond = static_cast<std::size_t>((100 - percent) * count / 100);
  return ascending[ascending.size() - 1 - std::min(beyond, ascending.size() - 1)];
}

Latency summarize(std::vector<double> times, std::span<const double> percents) {
  KISSA_CHECK(!times.empty());
  std::sort(times.begin(), times.end());
  Latency latency{
      .min = times.front(),
      .max = times.back(),
      .mean = std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size()),
      .median = median(times)};
  latency.variation = variation(times, latency.mean);
  for (const double percent : percents)
    latency.percentiles.push_back({percent, percentile(times, percent)});
  return latency;
}

std::string to_text(const Latency& latency) {
  std::string text =
      fmt::format("min = {:.6g} ms, max = {:.6g} ms, mean = {:.6g} ms, median = {:.6g} ms",
                  latency.min, latency.max, latency.mean, latency.median);
  for (const Percentile& p : latency.percentiles)
    text += fmt::format(", percentile({:g}%) = {:.6g} ms", p.percent, p.value);
  return text;
}

std::vector<double> parse_percents(const std::string& text) {
  std::vector<double> percents;
  if (text.ends_with(','))
    fail(ErrorCode::kInvalidArgument, "--percentile '{}': ends with a comma", text);
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    char* end = nullptr;
    const double percent = std::strtod(word.c_str(), &end);
    if (word.empty() || *end != '\0' || !(percent >= 0 && percent <= 100))
      fail(ErrorCode::kInvalidArgument, "--percentile '{}': '{}' is not a number from 0 to 100",
           text, word);
    percents.push_back(percent);
  }
  return percents;
}

}  // namespace kissa::tools
