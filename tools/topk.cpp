#include "topk.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kissa::tools {
namespace {

bool ranks_before(std::span<const float> scores, std::size_t a, std::size_t b) {
  if (std::isnan(scores[a]) != std::isnan(scores[b])) return std::isnan(scores[b]);
  if (scores[a] > scores[b]) return true;
  return !(scores[b] > scores[a]) && a < b;
}

}  // namespace

std::vector<std::size_t> top_k(std::span<const float> scores, std::size_t count) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::size_t a, std::size_t b) { return ranks_before(scores, a, b); });
  order.resize(count);
  return order;
}

std::size_t rank_of(std::span<const float> scores, std::size_t index) {
  std::size_t rank = 0;
  for (std::size_t other = 0; other < scores.size(); ++other)
    if (ranks_before(scores, other, index)) ++rank;
  return rank;
}

}  // namespace kissa::tools
