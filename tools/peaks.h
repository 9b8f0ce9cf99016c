// What devices can do at most, measured once and kept in the user's cache folder.
#pragma once

#include <optional>
#include <string>

#include "kissa/kissa.h"
#include "result.h"

namespace kissa::tools {

enum class Remeasure { kNo, kYes };

// Of a device as Engine::device() names it, by so many threads (0: all). Kept in
// $XDG_CACHE_HOME/kissa/peaks.json (~/.cache where that is not set), where that can be written.
DevicePeaks known_peaks(const std::string& device, int threads, Remeasure again = Remeasure::kNo);

// In GFLOP/s: the rate of that precision, else of FP32; 0: not known.
double peak_of(const DevicePeaks& peaks, Precision precision);
double nominal_peak_of(const DevicePeaks& peaks, Precision precision);

Json to_json(const DevicePeaks& peaks);
// Throws kInvalidFile where it is something else.
DevicePeaks peaks_from_json(const Json& json);

}  // namespace kissa::tools
