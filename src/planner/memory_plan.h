// One arena for all that a run needs: values whose lives do not meet may share memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kissa {

// The steps [first, last] through which a value must keep its memory.
struct Lifetime {
  std::int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct MemoryPlan {
  std::vector<std::int64_t> offsets;  // one a lifetime, multiples of kAlignment
  std::int64_t arena_bytes = 0;       // the peak
  std::int64_t sum_bytes = 0;         // without sharing

  static constexpr std::int64_t kAlignment = 64;
};

// Greedy by size: the largest value first, each at the lowest offset where no neighbour in time
// lies.
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes);

// True if no two values that live at the same time overlap, and all lie inside the arena.
bool is_valid(const MemoryPlan& plan, std::span<const Lifetime> lifetimes);

}  // namespace kissa
