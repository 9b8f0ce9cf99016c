// Every tactic of fused mode besides convolution, with every table of kernels that this machine
// runs, on every line of tests/cases, against the references.
#include "backends/cpu/tactics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "backends/cpu/cpu.h"
#include "backends/cpu/data_tactics.h"
#include "backends/cpu/tactic_testing.h"
#include "base/bf16.h"

namespace kissa::cpu {
namespace {

bool starts_with(std::string_view name, std::string_view start) { return name.starts_with(start); }

// conv_test.cpp has convolution.
bool is_tested_here(const Tactic& tactic) {
  return !starts_with(tactic.name(), "cpu.conv.") && tactic.name() != reference().name();
}

constexpr DataType kHalfTypes[] = {DataType::kBF16, DataType::kF16};
constexpr DataType kTypes[] = {DataType::kF32, DataType::kBF16, DataType::kF16};

// Those in 16 bits of every table of kernels: devices offer them in BF16 only where convolutions
// are so, too.
const OwnedTactics& half_tactics() {
  static const OwnedTactics kTactics = [] {
    OwnedTactics tactics;
    for (const Kernels* kernels : kernels_up_to(usable_isa()))
      for (const DataType type : kHalfTypes) add_data_tactics(*kernels, type, tactics);
    return tactics;
  }();
  return kTactics;
}

// In FP32 with every table of kernels, and in 16 bits.
std::set<const Tactic*> all_tactics() {
  std::set<const Tactic*> all;
  for (int level = 0; level <= static_cast<int>(usable_isa()); ++level) {
    const TacticList list = fused_tactics(static_cast<Isa>(level));
    all.insert(list.begin(), list.end());
  }
  for (const auto& tactic : half_tactics()) all.insert(tactic.get());
  std::erase_if(all, [](const Tactic* tactic) { return !is_tested_here(*tactic); });
  return all;
}

DataType type_of(const Tactic& tactic) {
  if (tactic.name().find(".bf16.") != std::string_view::npos) return DataType::kBF16;
  if (tactic.name().find(".f16.") != std::string_view::npos) return DataType::kF16;
  return DataType::kF32;
}

// The one of 16 bits among them, or FP32.
DataType type_in(const std::vector<Format>& formats) {
  const auto it = std::find_if(formats.begin(), formats.end(),
                               [](const Format& format) { return format.type != DataType::kF32; });
  return it != formats.end() ? it->type : DataType::kF32;
}

Tolerance fp32_tolerance_of(std::string_view tactic) {
  for (const std::string_view exact : {"cpu.pool.max", "cpu.reorder", "cpu.concat", "cpu.slice"})
    if (starts_with(tactic, exact)) return {0.0, 0.0};
  if (tactic.find("lrn") != std::string_view::npos) return {1e-6, 0.0};
  if (starts_with(tactic, "cpu.inner_product")) return {0.0, 5e-6};
  if (starts_with(tactic, "cpu.pool.")) return {0.0, 1e-6};
  return {3e-6, 1e-7};
}

// What is exact is so in 16 bits, too, for inputs that they hold. All else is rounded once.
Tolerance tolerance_of(std::string_view tactic, const Requirements& formats) {
  Tolerance tolerance = fp32_tolerance_of(tactic);
  const DataType type = type_in(formats.outputs);
  if (tolerance.relative + tolerance.absolute == 0.0 || type == DataType::kF32) return tolerance;
  tolerance.relative += type == DataType::kBF16 ? 0x1p-8 : 0x1p-11;
  if (type == DataType::kF16) tolerance.least = 0x1p-25;
  // Where the power is that of the processor's estimates.
  if (type == DataType::kBF16 && tactic.find("lrn") != std::string_view::npos)
    tolerance.relative += 2.5 * 0x1p-14;
  return tolerance;
}

// In BF16 a maximum over nothing is the least number that there is; in FP16 what is too large is
// infinity.
void fit_to(DataType type, std::vector<Floats>& expected) {
  for (Floats& values : expected)
    for (float& value : values) {
      if (type == DataType::kBF16 && value == -std::numeric_limits<float>::max())
        value = -0x1.fep127f;
      if (type == DataType::kF16 && std::isinf(rounded_to(type, value)))
        value = rounded_to(type, value);
    }
}

// Runs each trial by each tactic that takes it; keeps the names of those that were of use.
class Runner {
 public:
  void run(const std::vector<Trial>& trials, std::initializer_list<int> threads) {
    for (const int count : threads) {
      const auto device = create_device(count);
      const auto stream = device->create_stream();
      for (const Tactic* tactic : all_tactics())
        for (const Trial& trial : trials) run(*tactic, trial, *device, *stream);
    }
  }

  void expect_all_used() const {
    for (const Tactic* tactic : all_tactics())
      EXPECT_TRUE(used_.contains(tactic->name())) << "no case reaches " << tactic->name();
  }
  bool used(std::string_view start) const {
    return std::any_of(used_.begin(), used_.end(),
                       [&](std::string_view name) { return starts_with(name, start); });
  }

 private:
  void run(const Tactic& tactic, const Trial& trial, Device& device, Stream& stream) {
    if (tactic.refuse(trial.region)) return;
    const Requirements formats = tactic.requirements(trial.region);
    const DataType out = type_in(formats.outputs);
    const DataType flow = out != DataType::kF32 ? out : type_in(formats.inputs);
    const bool has_half_params = trial.params_type != DataType::kF32;
    if (flow != trial.inputs_type) return;
    if (type_of(tactic) != (has_half_params ? trial.params_type : trial.inputs_type)) return;
    used_.insert(tactic.name());
    Trial formatted = trial;
    set_formats(formatted.region, formats);
    fit_to(out, formatted.expected);
    run_trial(tactic, std::move(formatted), tolerance_of(tactic.name(), formats), device, stream);
  }

  std::set<std::string_view> used_;
};

// With data that each type holds, and an inner product also with FP32 data and such weights. An
// identity of 4 axes also as all reorders.
void add_trials(const OpCase& op_case, std::vector<Trial>& trials) {
  trials.push_back(make_trial(op_case));
  for (const DataType type : kHalfTypes) {
    trials.push_back(make_trial(op_case, {.params = type, .inputs = type}));
    if (std::holds_alternative<InnerProduct>(op_case.op))
      trials.push_back(make_trial(op_case, {.params = type}));
  }
  if (!std::holds_alternative<Identity>(op_case.op) || op_case.in[0].rank() != 4) return;
  const Format formats[] = {{}, kBlockedF32, kBlockedBf16, kBlockedF16};
  for (const Format& from : formats) {
    for (const Format& to : formats) {
      const DataType type = type_in({from, to});
      if (from == to ||
          (from.type != to.type && from.type != DataType::kF32 && to.type != DataType::kF32))
        continue;
      trials.push_back(make_trial(op_case, {.params = type, .inputs = type}));
      set_formats(trials.back().region, {{from}, {to}});
    }
  }
}

const std::vector<OpCase>& cases() {
  static const std::vector<OpCase> kCases = read_all_cases(KISSA_CASES_DIR);
  return kCases;
}

// The cases as they are, and for other batches.
std::vector<Trial> trials_of_cases(bool large, std::initializer_list<std::int64_t> batches) {
  std::vector<Trial> trials;
  for (const OpCase& op_case : cases()) {
    if (op_case.large != large || std::holds_alternative<Convolution>(op_case.op)) continue;
    if (batches.size() == 0) add_trials(op_case, trials);
    for (const std::int64_t batch : batches)
      if (const auto other = with_batch(op_case, batch)) add_trials(*other, trials);
  }
  return trials;
}

std::vector<Trial> chains() {
  const Pooling pool = {.kernel = {3, 3}, .stride = {2, 2}};
  const Pooling padded = {.kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}};
  const Pooling small = {.kernel = {2, 2}, .stride = {2, 2}};
  const Pooling any = {.kernel = {5, 4}, .stride = {3, 1}};
  const Pooling down = {.kernel = {3, 3}, .stride = {2, 2}, .round_mode = RoundMode::kFloor};
  const Lrn lrn = {.size = 5, .alpha = 1e-4f, .beta = 0.75f};
  const Lrn narrow = {.size = 3, .alpha = 0.5f, .beta = 0.75f, .k = 2.0f};
  const Shape shapes[] = {{1, 64, 12, 13},  {2, 19, 9, 8},  {3, 3, 5, 5}, {1, 1, 3, 4},
                          {1, 33, 10, 140}, {2, 48, 27, 7}, {2, 16, 4, 3}};
  std::vector<Trial> trials;
  for (const Shape& shape : shapes) {
    for (const Fill& fill : {Fill{}, Fill{.low = 300.0f, .high = 2000.0f}}) {
      const auto add = [&](const std::vector<Op>& ops) {
        std::string name = shape.to_string();
        for (const Op& op : ops) name += fmt::format(", {}", describe(op));
        try {
          for (const DataType type : kTypes)
            trials.push_back(make_chain(name, ops, shape, fill, type));
        } catch (const Error&) {  // the window does not fit
        }
      };
      for (const Lrn& each : {lrn, narrow}) {
        for (const Pooling& first : {pool, padded, small, any, down}) add({first, each});
        for (const Pooling& last : {pool, down}) add({each, last});
      }
    }
  }
  return trials;
}

OpCase parse(const std::string& line) { return parse_case("case " + line); }

std::vector<Trial> epilogues() {
  const Epilogue activations[] = {
      {.activation = Activation::kRelu},
      {.activation = Activation::kRelu, .low = 0.1f},
      {.activation = Activation::kClip, .low = -0.5f, .high = 0.75f},
      {.activation = Activation::kClip, .low = 0.25f, .high = 6.0f},
  };
  std::vector<Trial> trials;
  for (Epilogue epilogue : activations) {
    for (const char* line :
         {"eltwise in=2x19x4x5,2x19x4x5", "eltwise coeffs=0.5,-2 in=2x32x4x5,2x32x4x5",
          "eltwise method=max in=3x7,3x7"})
      for (const DataType type : kTypes)
        trials.push_back(make_trial(parse(line), {.epilogue = epilogue, .inputs = type}));
    for (const bool has_residual : {false, true}) {
      epilogue.has_residual = has_residual;
      for (const char* line :
           {"inner_product num_output=70 in=3x19x3x5", "inner_product num_output=9 in=2x33"}) {
        trials.push_back(make_trial(parse(line), {.epilogue = epilogue}));
        for (const DataType type : kHalfTypes) {
          TrialOptions options = {.epilogue = epilogue, .params = type};
          trials.push_back(make_trial(parse(line), options));
          options.inputs = type;
          trials.push_back(make_trial(parse(line), options));
        }
      }
    }
  }
  return trials;
}

TEST(Tactics, CasesAndChains) {
  Runner runner;
  runner.run(trials_of_cases(false, {}), {1, 2, 3});
  runner.run(chains(), {1, 2, 3});
  runner.expect_all_used();
}

TEST(Tactics, Batches) { Runner().run(trials_of_cases(false, {1, 2, 3, 16}), {1, 3}); }

TEST(Tactics, LargeCases) { Runner().run(trials_of_cases(true, {}), {2}); }

TEST(Tactics, Epilogues) {
  Runner runner;
  runner.run(epilogues(), {2});
  EXPECT_TRUE(runner.used("cpu.eltwise"));
  EXPECT_TRUE(runner.used("cpu.inner_product"));
}

// One value read twice, which the planner binds once and may let the op overwrite.
TEST(Tactics, TheSameInputTwice) {
  std::vector<Trial> trials;
  for (const char* line :
       {"eltwise coeffs=1,2,3 in=2x19x4x5,2x19x4x5,2x19x4x5", "concat in=2x19x4x5,2x3x4x5,2x19x4x5",
        "eltwise method=product in=3x7,3x7,3x7"})
    for (const DataType type : kTypes)
      trials.push_back(make_trial(parse(line), {.same_inputs = true, .inputs = type}));
  Runner runner;
  runner.run(trials, {1, 2});
  EXPECT_TRUE(runner.used("cpu.eltwise.blocked"));
  EXPECT_TRUE(runner.used("cpu.concat.blocked"));
}

// So that a network whose convolutions are in 16 bits stays in them.
TEST(Tactics, DevicesOfferHalvesFirst) {
  for (const DataType type : kHalfTypes) {
    const TacticList list = type == DataType::kBF16 ? fused_bf16_tactics(usable_isa())
                                                    : fused_fp16_tactics(usable_isa());
    if (list.empty()) {
      EXPECT_EQ(type, DataType::kBF16) << "every machine has FP16";
      continue;
    }
    std::set<std::string_view> before;
    for (const Tactic* tactic : list) {
      if (type_of(*tactic) != type) break;
      before.insert(tactic->name());
    }
    const Isa isa = type == DataType::kBF16 ? host_isa() : usable_isa();
    OwnedTactics offered;
    add_data_tactics(*kernels_up_to(isa).front(), type, offered);
    for (const auto& tactic : offered)
      EXPECT_TRUE(before.contains(tactic->name())) << tactic->name() << " comes late";
  }
}

// Numbers of every size, halfway between two of each type, and what is not one.
TEST(Tactics, HalvesRoundAnyNumber) {
  std::vector<float> x;
  for (const std::uint32_t low : {0x0000u, 0x0001u, 0x0fffu, 0x1000u, 0x1001u, 0x2000u, 0x3000u,
                                  0x7fffu, 0x8000u, 0x8001u, 0xd000u, 0xffffu})
    for (std::uint32_t high = 0; high < 0x10000; ++high)
      x.push_back(std::bit_cast<float>(high << 16 | low));
  ASSERT_EQ(x.size() % 32, 0U);
  for (const Kernels* kernels : kernels_up_to(usable_isa())) {
    SCOPED_TRACE(kernels->isa);
    for (const DataType type : kHalfTypes) {
      const auto& reorder = (type == DataType::kBF16 ? kernels->bf16 : kernels->f16).reorder;
      std::vector<float> y(x.size() / 2);
      std::vector<float> z(x.size());
      reorder.narrow({.low = x.data(), .high = x.data() + 16, .step = 32}, std::ssize(x) / 32,
                     y.data());
      reorder.widen(y.data(), std::ssize(x) / 32,
                    {.low = z.data(), .high = z.data() + 16, .step = 32});
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i]))
          ASSERT_TRUE(std::isnan(z[i])) << i;
        else
          ASSERT_EQ(std::bit_cast<std::uint32_t>(z[i]),
                    std::bit_cast<std::uint32_t>(rounded_to(type, x[i])))
              << x[i];
      }
    }
  }
}

// Channels that leave any part of a block of 16 or 32 empty, for ops whose kernels look at them.
TEST(Tactics, AnyNumberOfChannels) {
  std::vector<Trial> trials;
  for (const int channels : {1, 15, 16, 17, 31, 32, 33, 48, 100}) {
    for (const int batch : {1, 2, 3}) {
      const std::string in = fmt::format("{}x{}x7x5", batch, channels);
      for (const char* op :
           {"pooling kernel=3 stride=2 pad=1", "pooling kernel=3,2 stride=1",
            "pooling kernel=5 stride=2 method=average pad=2", "pooling global=1",
            "pooling global=1 method=average", "lrn", "lrn size=3 beta=0.75 alpha=0.5",
            "lrn size=9 beta=0.6", "relu", "prelu", "power shift=1", "identity", "scale has_bias=1",
            "inner_product num_output=7"})
        add_trials(parse(fmt::format("{} in={}", op, in)), trials);
      for (const int other : {16, 32, 5})
        add_trials(parse(fmt::format("concat in={0},{1}x{2}x7x5,{0}", in, batch, other)), trials);
      for (const int first : {1, 16, 32, channels - 1})
        if (first > 0 && first < channels)
          add_trials(parse(fmt::format("slice outputs=2 points={} in={}", first, in)), trials);
    }
  }
  Runner runner;
  runner.run(trials, {1, 3});
  EXPECT_TRUE(runner.used("cpu.slice.blocked"));
}

// Many outputs and rows, so that panels and chunks of rows all have their ends tested.
TEST(Tactics, InnerProducts) {
  std::vector<Trial> trials;
  for (const int rows : {1, 2, 3, 4, 5, 6, 7, 12, 13, 48, 49, 100})
    for (const int depth : {1, 31, 128, 129, 300})
      for (const int outputs : {1, 15, 64, 65})
        add_trials(parse(fmt::format("inner_product num_output={} in={}x{}", outputs, rows, depth)),
                   trials);
  Runner runner;
  runner.run(trials, {1, 3});
  EXPECT_TRUE(runner.used("cpu.inner_product.panels"));
}

}  // namespace
}  // namespace kissa::cpu
