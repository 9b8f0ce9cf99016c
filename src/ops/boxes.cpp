#include "ops/boxes.h"

#include <algorithm>

namespace kissa {

float area_of(const Box& box, float extra) {
  if (!(box.xmax >= box.xmin) || !(box.ymax >= box.ymin)) return 0.0f;
  return (box.xmax - box.xmin + extra) * (box.ymax - box.ymin + extra);
}

float overlap_of(const Box& a, const Box& b, float extra) {
  const float w = std::min(a.xmax, b.xmax) - std::max(a.xmin, b.xmin) + extra;
  const float h = std::min(a.ymax, b.ymax) - std::max(a.ymin, b.ymin) + extra;
  if (!(w > 0.0f) || !(h > 0.0f)) return 0.0f;
  const float both = w * h;
  return both / (area_of(a, extra) + area_of(b, extra) - both);
}

std::vector<int> suppress(const std::vector<Box>& boxes, const std::vector<int>& order,
                          const Suppression& how) {
  std::vector<int> kept;
  float threshold = how.threshold;
  for (const int i : order) {
    if (how.most >= 0 && std::ssize(kept) >= how.most) break;
    const Box& box = boxes[static_cast<std::size_t>(i)];
    const bool is_new = std::all_of(kept.begin(), kept.end(), [&](int k) {
      return overlap_of(box, boxes[static_cast<std::size_t>(k)], how.extra) <= threshold;
    });
    if (!is_new) continue;
    kept.push_back(i);
    if (how.eta < 1.0f && threshold > 0.5f) threshold *= how.eta;
  }
  return kept;
}

std::vector<int> best_first(const std::vector<float>& scores, float threshold, std::int64_t most) {
  std::vector<int> order;
  for (int i = 0; i < static_cast<int>(scores.size()); ++i)
    if (scores[static_cast<std::size_t>(i)] > threshold) order.push_back(i);
  const auto is_better = [&](int a, int b) {
    const float left = scores[static_cast<std::size_t>(a)];
    const float right = scores[static_cast<std::size_t>(b)];
    return left != right ? left > right : a < b;
  };
  const bool is_cut = most >= 0 && most < std::ssize(order);
  const auto end = is_cut ? order.begin() + most : order.end();
  std::partial_sort(order.begin(), end, order.end(), is_better);
  order.erase(end, order.end());
  return order;
}

}  // namespace kissa
