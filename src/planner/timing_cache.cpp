#include "planner/timing_cache.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace kissa {
namespace {

constexpr int kVersion = 1;

}  // namespace

std::string signature_of(const Region& region) {
  std::string text;
  const auto shape = [&](int value) { return region.value(value).desc.shape.to_string(); };
  for (const Region::Node& node : region.nodes) {
    if (!text.empty()) text += " | ";
    text += fmt::format("{} {} {}", name_of(node.op), describe(node.op), node.epilogue.describe());
    for (const int value : node.inputs) text += fmt::format(" {}:{}", value, shape(value));
    text += " ->";
    for (const int value : node.outputs) text += fmt::format(" {}:{}", value, shape(value));
  }
  return text;
}

TimingCache TimingCache::load(const std::string& path) {
  TimingCache cache;
  std::ifstream file(path);
  if (!file) return cache;
  try {
    const nlohmann::json json = nlohmann::json::parse(file);
    if (json.at("kissa_timing_cache") != kVersion)
      fail(ErrorCode::kInvalidFile, "{}: a timing cache of another version: delete it", path);
    json.at("microseconds").get_to(cache.times_);
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::kInvalidFile, "{}: not a timing cache of kissa: delete it or name another",
         path);
  }
  return cache;
}

void TimingCache::save(const std::string& path) const {
  const nlohmann::json json = {{"kissa_timing_cache", kVersion}, {"microseconds", times_}};
  const std::string text = json.dump(1) + '\n';
  PendingFile file(path);
  file.write(text.data(), text.size());
  file.keep();
}

std::optional<double> TimingCache::find(const std::string& machine, const std::string& signature,
                                        std::string_view tactic) const {
  const auto signatures = times_.find(machine);
  if (signatures == times_.end()) return std::nullopt;
  const auto tactics = signatures->second.find(signature);
  if (tactics == signatures->second.end()) return std::nullopt;
  const auto time = tactics->second.find(std::string(tactic));
  if (time == tactics->second.end()) return std::nullopt;
  return time->second;
}

void TimingCache::insert(const std::string& machine, const std::string& signature,
                         std::string_view tactic, double microseconds) {
  times_[machine][signature][std::string(tactic)] = microseconds;
}

}  // namespace kissa
