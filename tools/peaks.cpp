#include "peaks.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/log.h"

namespace kissa::tools {
namespace {

namespace fs = std::filesystem;

std::string cache_path() {
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder != nullptr && *folder == '/')
    return std::string(folder) + "/kissa/peaks.json";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::string(home) + "/.cache/kissa/peaks.json";
  return {};
}

// The devices that the cache knows; nothing where it cannot be read: it is measured anew then.
Json read_cache(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Json::object();
  const Json cache = Json::parse(file, nullptr, false);
  if (!cache.is_object() || cache.value("schema", 0) != kResultSchema ||
      !cache.contains("devices") || !cache["devices"].is_object())
    return Json::object();
  return cache["devices"];
}

void write_cache(const std::string& path, const Json& devices) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  try {
    write_json({{"schema", kResultSchema}, {"devices", devices}}, path);
  } catch (const Error& failure) {
    log(LogLevel::kInfo, "measured peaks are not kept: {}", failure.what());
  }
}

// What the peaks depend on.
std::string key_of(const std::string& device, int threads) {
  const std::string name = device == "cuda" ? "cuda:0" : device;
  for (const DeviceInfo& info : devices())
    if (info.name == name) return fmt::format("{}; {} threads", info.description, threads);
  return {};
}

const PeakRate* find(const DevicePeaks& peaks, Precision precision) {
  for (const Precision wanted : {precision, Precision::kFp32})
    for (const PeakRate& rate : peaks.rates)
      if (rate.precision == wanted) return &rate;
  return nullptr;
}

double rounded(double value) { return std::round(value * 10) / 10; }

}  // namespace

DevicePeaks known_peaks(const std::string& device, int threads, Remeasure again) {
  const std::string path = cache_path();
  const std::string key = key_of(device, threads);
  Json known = path.empty() ? Json::object() : read_cache(path);
  if (again == Remeasure::kNo && known.contains(key)) {
    try {
      return peaks_from_json(known[key]);
    } catch (const Error&) {
      log(LogLevel::kInfo, "{}: holds something else: the peaks are measured anew", path);
    }
  }
  const DevicePeaks peaks = measure_peaks(device, threads);
  known[key] = to_json(peaks);
  if (!path.empty() && !key.empty()) write_cache(path, known);
  return peaks;
}

double peak_of(const DevicePeaks& peaks, Precision precision) {
  const PeakRate* rate = find(peaks, precision);
  return rate == nullptr ? 0 : rate->gflops;
}

double nominal_peak_of(const DevicePeaks& peaks, Precision precision) {
  const PeakRate* rate = find(peaks, precision);
  return rate == nullptr ? 0 : rate->nominal_gflops;
}

Json to_json(const DevicePeaks& peaks) {
  Json rates = Json::array();
  for (const PeakRate& rate : peaks.rates)
    rates.push_back({{"precision", to_string(rate.precision)},
                     {"gflops", rounded(rate.gflops)},
                     {"nominal_gflops", rounded(rate.nominal_gflops)}});
  return {{"rates", std::move(rates)},
          {"bandwidth", rounded(peaks.bandwidth)},
          {"nominal_bandwidth", rounded(peaks.nominal_bandwidth)}};
}

DevicePeaks peaks_from_json(const Json& json) {
  try {
    DevicePeaks peaks;
    for (const Json& rate : json.at("rates"))
      peaks.rates.push_back({parse_precision(rate.at("precision").get<std::string>()),
                             rate.at("gflops").get<double>(),
                             rate.at("nominal_gflops").get<double>()});
    peaks.bandwidth = json.at("bandwidth").get<double>();
    peaks.nominal_bandwidth = json.at("nominal_bandwidth").get<double>();
    return peaks;
  } catch (const Json::exception& error) {
    fail(ErrorCode::kInvalidFile, "the peaks of a device are not as expected: {}", error.what());
  }
}

}  // namespace kissa::tools
