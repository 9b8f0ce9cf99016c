#include "planner/timing_cache.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

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

std::string network_key(const std::vector<Group>& groups,
                        const std::vector<std::string>& signatures) {
  KISSA_CHECK(groups.size() == signatures.size());
  std::string text;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    text += signatures[g];
    for (const Tactic* tactic : groups[g].tactics) text += fmt::format("\n{}", tactic->name());
    text += '\n';
  }
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
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
    if (json.contains("together")) json.at("together").get_to(cache.choices_);
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::kInvalidFile, "{}: not a timing cache of kissa: delete it or name another",
         path);
  }
  return cache;
}

void TimingCache::save(const std::string& path) const {
  const nlohmann::json json = {
      {"kissa_timing_cache", kVersion}, {"microseconds", times_}, {"together", choices_}};
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

std::optional<std::vector<std::string>> TimingCache::find_choice(const std::string& machine,
                                                                 const std::string& network) const {
  const auto networks = choices_.find(machine);
  if (networks == choices_.end()) return std::nullopt;
  const auto tactics = networks->second.find(network);
  if (tactics == networks->second.end()) return std::nullopt;
  return tactics->second;
}

void TimingCache::insert_choice(const std::string& machine, const std::string& network,
                                std::vector<std::string> tactics) {
  choices_[machine][network] = std::move(tactics);
}

}  // namespace kissa
