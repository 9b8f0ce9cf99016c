// kissa devices: what this machine offers.
#include <fmt/core.h>

#include "commands.h"
#include "peaks.h"
#include "result.h"

namespace kissa::tools {
namespace {

struct DevicesOptions {
  bool measure = false;
  std::string json;
};

int threads_of(const DeviceInfo& info) { return info.name == "cpu" ? info.units : 0; }

void print_rate(const PeakRate& rate) {
  fmt::print("  peak {:<17} {:.1f} GFLOP/s measured", to_string(rate.precision), rate.gflops);
  if (rate.nominal_gflops > 0) fmt::print(", {:.1f} nominal", rate.nominal_gflops);
  fmt::print("\n");
}

void print_device(const DeviceInfo& info, const DevicePeaks& peaks) {
  fmt::print("{}\n  {:<22} {}\n  {:<22} {}\n", info.name, "what", info.description, "ISA",
             info.isa);
  fmt::print("  {:<22} {}\n", info.name == "cpu" ? "processors" : "units", info.units);
  fmt::print("  {:<22} {:.1f} GiB\n", "memory free", static_cast<double>(info.memory) / (1 << 30));
  for (const auto& [name, value] : info.facts) fmt::print("  {:<22} {}\n", name, value);
  for (const PeakRate& rate : peaks.rates) print_rate(rate);
  fmt::print("  bandwidth              {:.1f} GB/s measured", peaks.bandwidth);
  if (peaks.nominal_bandwidth > 0) fmt::print(", {:.1f} nominal", peaks.nominal_bandwidth);
  fmt::print("\n");
}

Json to_json(const DeviceInfo& info, const DevicePeaks& peaks) {
  Json facts = Json::object();
  for (const auto& [name, value] : info.facts) facts[name] = value;
  return {{"name", info.name},
          {"description", info.description},
          {"isa", info.isa},
          {"units", info.units},
          {"memory", info.memory},
          {"facts", std::move(facts)},
          {"peaks", tools::to_json(peaks)}};
}

void list_devices(const DevicesOptions& options) {
  const Remeasure again = options.measure ? Remeasure::kYes : Remeasure::kNo;
  Json list = Json::array();
  std::string gpu = "cpu";
  for (const DeviceInfo& info : devices()) {
    const DevicePeaks peaks = known_peaks(info.name, threads_of(info), again);
    print_device(info, peaks);
    list.push_back(to_json(info, peaks));
    if (gpu == "cpu" && info.name != "cpu") gpu = info.name;
  }
  if (options.json.empty()) return;
  Json document = new_result("devices", "", gpu);
  document["devices"] = std::move(list);
  write_json(document, options.json);
}

constexpr const char* kExamples =
    "Example:\n"
    "  kissa devices --json devices.json\n"
    "  kissa devices --measure\n";

}  // namespace

void add_devices(CLI::App& program) {
  CLI::App& command =
      *program.add_subcommand("devices", "List processors and GPUs, and what they can do at most");
  auto options = std::make_shared<DevicesOptions>();
  command.footer(kExamples);
  command.add_flag("--measure", options->measure,
                   "Measure the peaks again, though the cache folder has them");
  command.add_option("--json", options->json, "Also write the result as JSON")->type_name("FILE");
  command.callback([options] { list_devices(*options); });
}

}  // namespace kissa::tools
