// Queries at a network, in a closed loop (the next begins when the last ended) or an open one (they
// come at a fixed rate, whether the last has ended or not), by one stream or several.
#pragma once

#include <span>
#include <vector>

#include "kissa/kissa.h"

namespace kissa::tools {

struct LoadOptions {
  std::size_t least_queries = 10;  // of all streams together
  double least_ms = 3000;
  double warmup_ms = 200;
  double qps = 0;  // of an open loop; 0: closed
  bool copies = false;
};

struct Query {
  int stream = 0;
  double arrival_ms = 0;  // since the trace began: when it was due
  double start_ms = 0;
  double end_ms = 0;
  RunTimes times = {};

  // What trtexec calls latency, in a closed loop; in an open one the time from when the query was
  // due to its end.
  double latency_ms(bool open_loop) const {
    return open_loop ? end_ms - arrival_ms : (times.h2d + times.compute + times.d2h) * 1e-3;
  }
};

struct LoadTrace {
  std::vector<Query> queries = {};  // in the order of their starts
  double wall_ms = 0;               // to the end of the last
  std::size_t warmup_queries = 0;
  double warmup_ms = 0;
  bool open_loop = false;

  double queries_per_s() const { return static_cast<double>(queries.size()) / wall_ms * 1e3; }
};

// Runs each context in a thread of its own, the first in the caller's. An interrupt ends it early:
// then the trace holds what was measured, one query at least.
LoadTrace run_load(std::span<Context> contexts, const LoadOptions& options);

}  // namespace kissa::tools
