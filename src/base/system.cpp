#include "base/system.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace kissa {
namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

// The whole-number words of a small kernel file; "max" reads as kUnlimited.
std::optional<std::int64_t> read_number(const std::string& path, int word = 0) {
  std::ifstream file(path);
  std::string text;
  for (int i = 0; i <= word; ++i)
    if (!(file >> text)) return std::nullopt;
  if (text == "max") return kUnlimited;
  try {
    return std::stoll(text);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

int quota_threads() {
  if (const auto quota = read_number("/sys/fs/cgroup/cpu.max"); quota && *quota != kUnlimited) {
    const auto period = read_number("/sys/fs/cgroup/cpu.max", 1);
    if (period && *period > 0) return static_cast<int>((*quota + *period - 1) / *period);
  }
  const auto quota = read_number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  const auto period = read_number("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota && period && *quota > 0 && *period > 0)
    return static_cast<int>((*quota + *period - 1) / *period);
  return std::numeric_limits<int>::max();
}

std::int64_t kernel_estimate() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  std::int64_t kib = 0;
  while (file >> key >> kib) {
    if (key == "MemAvailable:") return kib * 1024;
    std::getline(file, unit);
  }
  return static_cast<std::int64_t>(sysconf(_SC_AVPHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

std::int64_t cgroup_headroom(const std::string& limit_path, const std::string& usage_path) {
  const auto limit = read_number(limit_path);
  const auto usage = read_number(usage_path);
  if (!limit || !usage || *limit == kUnlimited) return kUnlimited;
  return std::max<std::int64_t>(*limit - *usage, 0);
}

}  // namespace

int usable_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int allowed = sched_getaffinity(0, sizeof set, &set) == 0
                          ? CPU_COUNT(&set)
                          : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  return std::max(1, std::min(allowed, quota_threads()));
}

std::int64_t available_memory() {
  return std::min({kernel_estimate(),
                   cgroup_headroom("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
                   cgroup_headroom("/sys/fs/cgroup/memory/memory.limit_in_bytes",
                                   "/sys/fs/cgroup/memory/memory.usage_in_bytes")});
}

std::int64_t l2_bytes() {
  static const std::int64_t kBytes = [] {
    const long told = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return told > 0 ? std::int64_t{told} : std::int64_t{1} << 20;
  }();
  return kBytes;
}

}  // namespace kissa
