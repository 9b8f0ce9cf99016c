// Tactics that take known times, on a device whose steps are measured alone and then together.
#include "runtime/refine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backends/cpu/cpu.h"
#include "base/error.h"
#include "device/device_testing.h"
#include "import/caffe/file_testing.h"
#include "import/caffe/import.h"
#include "runtime/build_plan.h"

namespace kissa::runtime {
namespace {

using ::testing::ElementsAre;
using Clock = std::chrono::steady_clock;

class BusyStep final : public Step {
 public:
  explicit BusyStep(int microseconds) : time_(microseconds) {}
  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    static_cast<void>(bindings);
    static_cast<void>(stream);
    const auto end = Clock::now() + time_;
    while (Clock::now() < end) {
    }
  }

 private:
  std::chrono::microseconds time_;
};

class BusyTactic final : public Tactic {
 public:
  BusyTactic(std::string_view name, int microseconds) : name_(name), microseconds_(microseconds) {}
  std::string_view name() const override { return name_; }
  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() == 1) return std::nullopt;
    return "takes a node alone";
  }
  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    static_cast<void>(region);
    static_cast<void>(context);
    return std::make_unique<BusyStep>(microseconds_);
  }

 private:
  std::string_view name_;
  int microseconds_;
};

TacticList busy_tactics(Mode mode, Precision precision) {
  static_cast<void>(mode);
  static_cast<void>(precision);
  static const BusyTactic slow("busy.slow", 300);
  static const BusyTactic fast("busy.fast", 250);
  static const BusyTactic idle("busy.idle", 10000);
  static const Tactic* const all[] = {&slow, &fast, &idle};
  return all;
}

std::unique_ptr<Device> create_for_busy(const DeviceOptions& options) {
  static_cast<void>(options);
  return std::make_unique<ApartDevice>(cpu::create_device(1), "a machine");
}

const Backend kBusy = {"apart", create_for_busy, busy_tactics};

std::shared_ptr<const Graph> load_two_nodes() {
  constexpr const char* kTwoNodes = R"(
    layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }
    layer { name: "a" type: "TanH" bottom: "data" top: "a" }
    layer { name: "b" type: "Sigmoid" bottom: "a" top: "b" }
  )";
  return std::make_shared<const Graph>(
      import_caffe(NetworkText{"net.prototxt", kTwoNodes}, "", {}));
}

std::vector<std::string> names_of_tactics(const Plan& plan) {
  std::vector<std::string> names;
  for (const PlanStep& step : plan.steps) names.emplace_back(step.tactic);
  return names;
}

TEST(Refine, KeepsWhatWinsBesideWhatWonBefore) {
  std::vector<Choice> tried;
  const auto wins = [&](const Choice& choice) {
    tried.push_back(choice);
    return choice[0] == 1 || choice[1] == 2;
  };
  const Refined refined = refine({0, 0},
                                 {{.group = 1, .tactic = 1, .loss = 3.0},
                                  {.group = 0, .tactic = 1, .loss = 2.0},
                                  {.group = 1, .tactic = 3, .loss = 1.0}},
                                 wins, [] { return true; });
  EXPECT_THAT(tried, ElementsAre(Choice{0, 3}, Choice{1, 0}, Choice{1, 1}));
  EXPECT_EQ(refined.choice, (Choice{1, 1}));
  EXPECT_TRUE(refined.is_complete);
}

TEST(Refine, EndsWithItsTime) {
  int left = 1;
  const Refined refined = refine(
      {0, 0}, {{0, 1, 1.0}, {1, 1, 2.0}}, [](const Choice&) { return true; },
      [&] { return left-- > 0; });
  EXPECT_EQ(refined.choice, (Choice{1, 0}));
  EXPECT_FALSE(refined.is_complete);
}

TEST(Race, IsWonByTheFasterNetworkAlone) {
  PlanOptions options;
  options.mode = Mode::kFused;
  const PlanRequest request = make_request(load_two_nodes(), kBusy, options);
  ASSERT_EQ(request.groups.size(), 2u);
  Race race(request, {0, 2});
  EXPECT_TRUE(race.is_won_by({0, 1}));
  EXPECT_FALSE(race.is_won_by({0, 2}));
  EXPECT_FALSE(race.is_won_by({2, 1}));
}

TEST(BuildPlan, RemembersWhatWasFastestTogether) {
  const caffe::TempFile cache("times.json", "");
  ASSERT_EQ(std::remove(cache.path().c_str()), 0);
  BuildOptions options;
  options.plan.mode = Mode::kFused;
  options.timing_cache = cache.path();
  options.build_seconds = 60.0;
  const auto plan = build_plan(load_two_nodes(), kBusy, options);
  EXPECT_THAT(names_of_tactics(*plan), ElementsAre("busy.fast", "busy.fast"));

  options.error_on_cache_miss = true;
  EXPECT_EQ(names_of_tactics(*build_plan(load_two_nodes(), kBusy, options)),
            names_of_tactics(*plan));
  const auto rewrite = [&](const std::function<void(nlohmann::json&)>& change) {
    nlohmann::json json = nlohmann::json::parse(std::ifstream(cache.path()));
    ASSERT_EQ(json.at("together").at("a machine").size(), 1u);
    change(json.at("together").at("a machine").front());
    std::ofstream(cache.path()) << json;
  };
  rewrite([](nlohmann::json& tactics) { tactics = {"busy.fast", "busy.slow"}; });
  EXPECT_THAT(names_of_tactics(*build_plan(load_two_nodes(), kBusy, options)),
              ElementsAre("busy.fast", "busy.slow"));
  // What this program does not have was measured by another.
  rewrite([](nlohmann::json& tactics) { tactics = {"busy.fast", "busy.gone"}; });
  EXPECT_THROW(build_plan(load_two_nodes(), kBusy, options), Error);
}

TEST(BuildPlan, WithoutTimeForAllForgetsTheChoice) {
  const caffe::TempFile cache("times.json", "");
  ASSERT_EQ(std::remove(cache.path().c_str()), 0);
  BuildOptions options;
  options.plan.mode = Mode::kFused;
  options.timing_cache = cache.path();
  options.build_seconds = 1e-3;  // one measurement
  build_plan(load_two_nodes(), kBusy, options);
  EXPECT_TRUE(nlohmann::json::parse(std::ifstream(cache.path())).at("together").empty());
}

}  // namespace
}  // namespace kissa::runtime
