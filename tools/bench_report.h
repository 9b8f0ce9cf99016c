// What kissa bench says of a trace: text in the shape of trtexec's, its warnings, and its files.
#pragma once

#include <string>
#include <vector>

#include "load.h"
#include "result.h"

namespace kissa::tools {

// The parts of a query that trtexec tells apart, in milliseconds.
struct TraceSummary {
  Latency latency;
  Latency enqueue;
  Latency h2d;
  Latency compute;
  Latency d2h;
  Latency wall;   // of the call, by the host's clock
  Latency queue;  // from when it was due to its start
};
TraceSummary summarize(const LoadTrace& trace, const std::vector<double>& percents);

struct TraceSetting {
  std::size_t streams = 1;
  double qps = 0;
  bool on_gpu = false;
  std::int64_t batch = 1;
};

void print_trace_averages(const LoadTrace& trace, std::size_t runs, const TraceSetting& setting);
void print_summary(const LoadTrace& trace, const TraceSummary& summary,
                   const TraceSetting& setting);

// One a line, without "[W] "; none where all is well.
std::vector<std::string> warnings_of(const LoadTrace& trace, const TraceSummary& summary,
                                     const TraceSetting& setting);

// The same figures as JSON, beside what they are of.
Json to_row(const Engine& engine, const LoadTrace& trace, const TraceSummary& summary,
            const TraceSetting& setting);

// trtexec's exported files.
Json times_document(const LoadTrace& trace);
Json layer_profile_document(const std::vector<StepInfo>& steps, const std::vector<StepTimes>& runs);
Json layer_info_document(const Engine& engine);
Json output_document(const Engine& engine, const Context& context);

}  // namespace kissa::tools
