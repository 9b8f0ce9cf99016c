#include "base/near_match.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <numeric>

namespace kissa {
namespace {

// Longer names are compared by their beginnings: time stays bounded whatever a file holds.
constexpr std::size_t kComparedLength = 256;

bool same_letter(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kComparedLength);
  b = b.substr(0, kComparedLength);
  // Rows of the distance table between the first i letters of a and the first j of b.
  std::vector<int> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int change = last[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::vector<std::string_view> nearest(std::string_view name,
                                      std::vector<std::string_view> candidates, std::size_t limit) {
  std::vector<std::pair<int, std::string_view>> ranked;
  for (const std::string_view candidate : candidates)
    ranked.emplace_back(edit_distance(name, candidate), candidate);
  std::sort(ranked.begin(), ranked.end());
  ranked.erase(std::unique(ranked.begin(), ranked.end()), ranked.end());
  candidates.clear();
  for (std::size_t i = 0; i < std::min(limit, ranked.size()); ++i)
    candidates.push_back(ranked[i].second);
  return candidates;
}

std::string did_you_mean(std::string_view name, std::vector<std::string_view> candidates) {
  const auto found = nearest(name, std::move(candidates), 1);
  const int allowed = std::max(1, static_cast<int>(std::min(name.size(), kComparedLength)) / 3);
  if (found.empty() || edit_distance(name, found[0]) > allowed) return {};
  return fmt::format("; did you mean '{}'?", found[0]);
}

}  // namespace kissa
