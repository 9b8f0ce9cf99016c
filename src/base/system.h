// What this process may use of the machine.
#pragma once

#include <cstdint>

namespace kissa {

// Processors that the affinity mask and the cgroup's CPU quota leave to this process; at least 1.
int usable_threads();

// Bytes of memory that can still be taken: the kernel's estimate, within the cgroup's limit.
std::int64_t available_memory();

// Bytes of one core's second-level cache: 1 MiB where the system does not tell.
std::int64_t l2_bytes();

}  // namespace kissa
