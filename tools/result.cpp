#include "result.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/system.h"

namespace kissa::tools {
namespace {

// The value of the first line of /proc/cpuinfo that begins with `key`.
std::string cpuinfo(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with(key) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

Json instruction_sets() {
  constexpr const char* kTold[] = {
      "sse4_2",   "avx",      "avx2",     "fma",         "f16c",        "avx_vnni",    "avx512f",
      "avx512dq", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile",
      "amx_bf16", "amx_int8", "asimd",    "asimdhp",     "bf16",        "i8mm"};
  std::string line = cpuinfo("flags");
  if (line.empty()) line = cpuinfo("Features");
  std::istringstream words(line);
  const std::vector<std::string> flags{std::istream_iterator<std::string>(words), {}};
  Json sets = Json::array();
  for (const char* told : kTold)
    if (std::find(flags.begin(), flags.end(), told) != flags.end()) sets.push_back(told);
  return sets;
}

}  // namespace

Json machine_of(const std::string& device) {
  Json machine = {{"cpu", cpuinfo("model name")},
                  {"isa", instruction_sets()},
                  {"cores", usable_threads()},
                  {"gpu", nullptr},
                  {"driver", nullptr},
                  {"cuda", nullptr}};
  if (const std::string mhz = cpuinfo("cpu MHz"); !mhz.empty())
    machine["cpu_mhz"] = std::round(std::strtod(mhz.c_str(), nullptr));
  if (!device.starts_with("cuda")) return machine;
  const std::string name = device == "cuda" ? "cuda:0" : device;
  for (const DeviceInfo& info : devices()) {
    if (info.name != name) continue;
    machine["gpu"] = info.description;
    for (const auto& [key, value] : info.facts) {
      if (key == "driver" || key == "cuda") machine[key] = value;
      if (key == "clock") machine["gpu_clock"] = value;
    }
  }
  return machine;
}

Json new_result(std::string_view what, const std::string& network, const std::string& device) {
  return {{"schema", kResultSchema},
          {"what", what},
          {"date", fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)))},
          {"network", network},
          {"version", version()},
          {"machine", machine_of(device)}};
}

void write_json(const Json& document, const std::string& path) {
  const std::string text = document.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
  PendingFile file(path);
  file.write(text.data(), text.size());
  file.keep();
}

std::string to_line(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json read_result(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail(ErrorCode::kInvalidFile, "{}: cannot be opened", path);
  const Json document = Json::parse(file, nullptr, false);
  if (document.is_discarded() || !document.is_object() || !document.contains("schema") ||
      !document["schema"].is_number_integer())
    fail(ErrorCode::kInvalidFile, "{}: is not a result that kissa saved", path);
  const auto schema = document["schema"].get<std::int64_t>();
  if (schema < 1 || schema > kResultSchema)
    fail(ErrorCode::kInvalidFile, "{}: has schema {}, and this kissa reads up to {}", path, schema,
         kResultSchema);
  return document;
}

double rounded_us(double us) { return std::round(us * 10) / 10; }

Json to_json(const Latency& latency) {
  const auto microseconds = [](double ms) { return rounded_us(ms * 1e3); };
  Json percentiles = Json::object();
  for (const Percentile& p : latency.percentiles)
    percentiles[fmt::format("{:g}", p.percent)] = microseconds(p.value);
  return {{"min", microseconds(latency.min)},      {"max", microseconds(latency.max)},
          {"mean", microseconds(latency.mean)},    {"median", microseconds(latency.median)},
          {"percentiles", std::move(percentiles)}, {"variation", latency.variation}};
}

}  // namespace kissa::tools
