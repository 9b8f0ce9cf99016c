#include "difference.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "topk.h"

namespace kissa::tools {
namespace {

bool is_distribution(std::span<const float> row) {
  constexpr double kSlack = 0.02;
  double sum = 0;
  for (const float value : row) {
    if (!(value >= 0)) return false;
    sum += static_cast<double>(value);
  }
  return std::abs(sum - 1) < kSlack;
}

// The sum of a log(a / b), in nats. What b takes for impossible counts as the least float.
double divergence_of(std::span<const float> a, std::span<const float> b) {
  constexpr double kLeast = 1.17549435e-38;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] <= 0) continue;
    const auto p = static_cast<double>(a[i]);
    sum += p * std::log(p / std::max(static_cast<double>(b[i]), kLeast));
  }
  return std::max(sum, 0.0);
}

}  // namespace

Difference difference_of(std::span<const float> a, std::span<const float> b) {
  KISSA_CHECK(a.size() == b.size());
  Difference difference;
  double norm_a = 0, norm_b = 0, product = 0, apart = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) ++difference.not_finite_a;
    if (!std::isfinite(b[i])) ++difference.not_finite_b;
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
    const auto x = static_cast<double>(a[i]);
    const auto y = static_cast<double>(b[i]);
    norm_a += x * x;
    norm_b += y * y;
    product += x * y;
    apart += (y - x) * (y - x);
    difference.largest = std::max(difference.largest, std::abs(y - x));
  }
  if (apart > 0) difference.relative = norm_a > 0 ? std::sqrt(apart / norm_a) : INFINITY;
  if (norm_a > 0 && norm_b > 0)
    difference.cosine = std::max(0.0, 1 - product / std::sqrt(norm_a * norm_b));
  else if (norm_a != norm_b)
    difference.cosine = 1;
  return difference;
}

std::optional<std::size_t> first_parting(std::span<const LayerDifference> layers,
                                         double tolerance) {
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].difference.parts(tolerance)) return i;
  return std::nullopt;
}

RowAgreement agreement_of(std::span<const float> a, std::span<const float> b) {
  KISSA_CHECK(a.size() == b.size());
  const std::vector<std::size_t> best_a = top_k(a, 5);
  const std::vector<std::size_t> best_b = top_k(b, 5);
  RowAgreement agreement;
  agreement.top1 = !best_a.empty() && best_a.front() == best_b.front();
  for (const std::size_t index : best_a)
    agreement.common_top5 +=
        static_cast<std::size_t>(std::count(best_b.begin(), best_b.end(), index));
  agreement.largest = difference_of(a, b).largest;
  if (is_distribution(a) && is_distribution(b)) agreement.divergence = divergence_of(a, b);
  return agreement;
}

}  // namespace kissa::tools
