#include "compared_times.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"

namespace kissa::tools {
namespace {

constexpr std::size_t kShownSteps = 10;

// Rows of kissa alone may leave the engine out.
std::string text_of(const Json& row, const char* key) {
  const auto it = row.find(key);
  if (it == row.end() || it->is_null()) return key == std::string_view("engine") ? "kissa" : "";
  return it->is_string() ? it->get<std::string>() : it->dump();
}

bool agree(const Json& a, const Json& b, std::initializer_list<const char*> keys) {
  return std::all_of(keys.begin(), keys.end(),
                     [&](const char* key) { return text_of(a, key) == text_of(b, key); });
}

// The one that is of the same setting as `wanted`; null where there is none.
const Json* find_same(const Json& list, const Json& wanted,
                      const Json& (*setting_of)(const Json&)) {
  const Json* found = nullptr;
  for (const Json& other : list) {
    const Json& a = setting_of(wanted);
    const Json& b = setting_of(other);
    if (!agree(a, b, {"engine", "mode", "precision", "batch"})) continue;
    if (agree(a, b, {"threads"})) return &other;
    if (found == nullptr) found = &other;
  }
  return found;
}

const Json& itself(const Json& row) { return row; }
const Json& setting(const Json& profile) { return profile.at("setting"); }

std::vector<std::pair<const Json*, const Json*>> pairs_of(const Json& a, const Json& b,
                                                          const Json& (*setting_of)(const Json&)) {
  if (a.size() == 1 && b.size() == 1) return {{&a.front(), &b.front()}};
  std::vector<std::pair<const Json*, const Json*>> pairs;
  for (const Json& one : a)
    if (const Json* other = find_same(b, one, setting_of)) pairs.emplace_back(&one, other);
  return pairs;
}

// With both times and how many times faster B is.
Json timed(Json of, double a, double b) {
  of["a_us"] = a;
  of["b_us"] = b;
  of["faster"] = b > 0 ? Json(a / b) : Json();
  return of;
}

std::string way_of(const Json& row) {
  std::string text = text_of(row, "engine") == "kissa" ? "" : text_of(row, "engine") + ", ";
  text += text_of(row, "mode").empty() ? "" : text_of(row, "mode") + " mode, ";
  text += fmt::format("{}, batch {}", text_of(row, "precision"), text_of(row, "batch"));
  if (!text_of(row, "device").empty()) text += ", on " + text_of(row, "device");
  if (!text_of(row, "threads").empty() && !text_of(row, "device").starts_with("cuda"))
    text += fmt::format(" by {} thread{}", text_of(row, "threads"),
                        text_of(row, "threads") == "1" ? "" : "s");
  return text;
}

Json both_ways(const Json& a, const Json& b) { return {{"a", way_of(a)}, {"b", way_of(b)}}; }

Json compare_rows(const Json& a, const Json& b) {
  Json rows = Json::array();
  for (const auto& [one, other] : pairs_of(a, b, itself))
    if (!one->at("median_us").is_null() && !other->at("median_us").is_null())
      rows.push_back(timed(both_ways(*one, *other), one->at("median_us").get<double>(),
                           other->at("median_us").get<double>()));
  return rows;
}

double us_in(const Json& list, const char* key, const Json& wanted) {
  double us = 0;
  for (const Json& row : list)
    if (row.at(key) == wanted) us += row.at("us").get<double>();
  return us;
}

Json compare_kinds(const Json& a, const Json& b) {
  Json kinds = Json::array();
  const auto add = [&](const Json& kind) {
    if (std::none_of(kinds.begin(), kinds.end(),
                     [&](const Json& row) { return row.at("kind") == kind; }))
      kinds.push_back(timed({{"kind", kind}}, us_in(a, "kind", kind), us_in(b, "kind", kind)));
  };
  for (const Json* list : {&a, &b})
    for (const Json& row : *list) add(row.at("kind"));
  return kinds;
}

// Those of the same layers; what differs most first.
Json compare_steps(const Json& a, const Json& b) {
  std::vector<Json> steps;
  for (const Json& step : a) {
    const Json& layers = step.at("layers");
    const bool is_in_both =
        !layers.empty() && std::any_of(b.begin(), b.end(), [&](const Json& other) {
          return other.at("layers") == layers;
        });
    if (is_in_both)
      steps.push_back(timed({{"layers", layers}, {"name", step.at("name")}},
                            us_in(a, "layers", layers), us_in(b, "layers", layers)));
  }
  const auto change = [](const Json& step) {
    return std::abs(step.at("a_us").get<double>() - step.at("b_us").get<double>());
  };
  std::stable_sort(steps.begin(), steps.end(),
                   [&](const Json& x, const Json& y) { return change(x) > change(y); });
  return steps;
}

Json profiles_of(const Json& document) {
  if (document.contains("profiles")) return document.at("profiles");
  return document.contains("kinds") ? Json::array({document}) : Json::array();
}

Json compare_profiles(const Json& a, const Json& b) {
  Json profiles = Json::array();
  for (const auto& [one, other] : pairs_of(a, b, setting)) {
    Json profile = timed(both_ways(one->at("setting"), other->at("setting")),
                         one->at("whole_us").get<double>(), other->at("whole_us").get<double>());
    profile["kinds"] = compare_kinds(one->at("kinds"), other->at("kinds"));
    profile["steps"] = compare_steps(one->at("steps"), other->at("steps"));
    profiles.push_back(std::move(profile));
  }
  return profiles;
}

std::string faster_text(const Json& row) {
  return row.at("faster").is_null() ? "-" : fmt::format("{:.3g}x", row.at("faster").get<double>());
}

void print_row(const Json& row, const std::string& name) {
  fmt::print("{:>12.1f} {:>12.1f} {:>9}  {}\n", row.at("a_us").get<double>(),
             row.at("b_us").get<double>(), faster_text(row), name);
}

std::string both_names(const Json& row) {
  const auto a = row.at("a").get<std::string>(), b = row.at("b").get<std::string>();
  return a == b ? a : a + " | " + b;
}

}  // namespace

bool holds_times(const Json& document) {
  return document.contains("rows") || !profiles_of(document).empty();
}

Json compare_times(const Json& a, const Json& b) {
  Json compared;
  try {
    compared["rows"] = compare_rows(a.value("rows", Json::array()), b.value("rows", Json::array()));
    compared["profiles"] = compare_profiles(profiles_of(a), profiles_of(b));
  } catch (const Json::exception& error) {
    fail(ErrorCode::kInvalidFile, "is not as expected: {}", error.what());
  }
  if (compared["rows"].empty() && compared["profiles"].empty())
    fail(ErrorCode::kInvalidArgument,
         "the results share no mode, precision and batch: nothing can be compared");
  return compared;
}

void print_times(const Json& compared) {
  const auto title = [](const char* what) {
    fmt::print("{:>12} {:>12} {:>9}  {}\n", "A us", "B us", "B faster", what);
  };
  if (!compared.at("rows").empty()) {
    fmt::print("=== Times ===\n");
    title("way");
    for (const Json& row : compared.at("rows")) print_row(row, both_names(row));
  }
  for (const Json& profile : compared.at("profiles")) {
    fmt::print("\n=== Kinds: {} ===\n", both_names(profile));
    title("kind");
    for (const Json& kind : profile.at("kinds")) print_row(kind, kind.at("kind"));
    print_row(profile, "the whole run");
    const Json& steps = profile.at("steps");
    if (steps.empty()) continue;
    fmt::print("\n=== Steps of the same layers that differ most ===\n");
    title("layers");
    for (std::size_t i = 0; i < std::min(kShownSteps, steps.size()); ++i)
      print_row(steps[i], steps[i].at("name"));
  }
}

}  // namespace kissa::tools
