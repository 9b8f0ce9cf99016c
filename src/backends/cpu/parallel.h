// Cutting a step's work into tasks for the stream's threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/cpu/cpu.h"

namespace kissa::cpu {

// Calls body(begin, end) for ranges that make up [0, units): several a thread, so that a slow one
// holds up little, but none that is over sooner than a thread finds it. `unit_bytes`: what a unit
// reads and writes, or what takes as long.
template <class Body>
void parallel_for(Stream& stream, std::int64_t units, std::int64_t unit_bytes, Body&& body,
                  std::int64_t tasks_per_thread = 4) noexcept {
  constexpr std::int64_t kTaskBytes = 32 << 10;  // about 2 us
  ThreadPool& pool = pool_of(stream);
  const std::int64_t wanted = pool.threads() == 1 ? 1 : pool.threads() * tasks_per_thread;
  const std::int64_t worth = std::max<std::int64_t>(units * unit_bytes / kTaskBytes, 1);
  const std::int64_t tasks = std::min({wanted, worth, units});
  pool.run(static_cast<int>(tasks),
           [&](int task, int) { body(units * task / tasks, units * (task + 1) / tasks); });
}

// Calls visit(group, first, last) for the parts of the groups of `size` units that [begin, end)
// covers: first and last count within the group.
template <class Visit>
void for_each_group(std::int64_t begin, std::int64_t end, std::int64_t size, const Visit& visit) {
  while (begin < end) {
    const std::int64_t group = begin / size;
    const std::int64_t stop = std::min(end, (group + 1) * size);
    visit(group, begin - group * size, stop - group * size);
    begin = stop;
  }
}

}  // namespace kissa::cpu
