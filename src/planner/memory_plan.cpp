#include "planner/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace kissa {
namespace {

std::int64_t aligned(std::int64_t bytes) {
  return (bytes + MemoryPlan::kAlignment - 1) / MemoryPlan::kAlignment * MemoryPlan::kAlignment;
}

bool meet(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes) {
  MemoryPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return lifetimes[a].bytes > lifetimes[b].bytes;
  });

  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t i : order) {
    const std::int64_t bytes = aligned(lifetimes[i].bytes);
    plan.sum_bytes += bytes;
    std::int64_t offset = 0;
    for (const std::size_t other : placed) {
      if (!meet(lifetimes[i], lifetimes[other])) continue;
      if (plan.offsets[other] >= offset + bytes) break;
      offset = std::max(offset, plan.offsets[other] + aligned(lifetimes[other].bytes));
    }
    plan.offsets[i] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + bytes);
    const auto at = std::upper_bound(placed.begin(), placed.end(), i, [&](auto a, auto b) {
      return plan.offsets[a] < plan.offsets[b];
    });
    placed.insert(at, i);
  }
  KISSA_CHECK(is_valid(plan, lifetimes));
  return plan;
}

bool is_valid(const MemoryPlan& plan, std::span<const Lifetime> lifetimes) {
  for (std::size_t i = 0; i < lifetimes.size(); ++i) {
    if (plan.offsets[i] % MemoryPlan::kAlignment != 0) return false;
    if (plan.offsets[i] + lifetimes[i].bytes > plan.arena_bytes) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (!meet(lifetimes[i], lifetimes[j])) continue;
      if (plan.offsets[i] < plan.offsets[j] + lifetimes[j].bytes &&
          plan.offsets[j] < plan.offsets[i] + lifetimes[i].bytes)
        return false;
    }
  }
  return true;
}

}  // namespace kissa
