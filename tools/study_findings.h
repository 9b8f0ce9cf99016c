// The article's findings, restated with the figures of a study (docs/results_schema.md).
#pragma once

#include <optional>
#include <string>

#include "result.h"

namespace kissa::tools {

// A machine that the article measured, known by its clock and cores alone.
struct PaperMachine {
  const char* name;
  double ghz;
  int cores;
  double gflops() const { return ghz * cores * 2; }
};
inline constexpr PaperMachine kPaperMachines[] = {{"Jetson TX1", 1.0, 256},
                                                  {"Jetson TX2", 1.3, 256}};

// The median of a study's row, in microseconds; nothing where the study has no such row.
std::optional<double> median_of(const Json& study, const std::string& mode,
                                const std::string& precision, std::int64_t batch);
// Microseconds of a kind of work in a mode's FP32 profile; 0 where there is none.
double kind_us(const Json& study, const std::string& mode, const std::string& kind);

// Theoretical times at batch 1 from the network's exact FLOPs: of this device by its measured and
// nominal peaks, and of the article's machines.
Json theory_of(const Json& study);

// One a finding: {"finding", "article", "here"}. `against`: another study, or null.
Json findings_of(const Json& study, const Json& against);

// Rows that both studies have: {"mode", "precision", "batch", "old_us", "new_us", "speed_up"}.
Json rows_against(const Json& study, const Json& old);

}  // namespace kissa::tools
