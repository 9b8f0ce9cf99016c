// Every tactic of the CUDA backend on every line of tests/cases, against the references.
#include "backends/cuda/tactics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <set>

#include "backends/cuda/cuda.h"
#include "backends/cuda/tactic_testing.h"

namespace kissa::cuda {
namespace {

using cpu::Tolerance;
using cpu::Trial;

// KISSA_CASES names the folder where the tests were copied to another machine.
const std::vector<OpCase>& cases() {
  static const std::vector<OpCase> kCases = [] {
    const char* folder = std::getenv("KISSA_CASES");
    return read_all_cases(folder != nullptr ? folder : KISSA_CASES_DIR);
  }();
  return kCases;
}

// Fresh data in every run, and the same again with KISSA_SEED.
std::uint32_t seed() {
  static const std::uint32_t kSeed = [] {
    const char* given = std::getenv("KISSA_SEED");
    const auto value =
        given != nullptr ? static_cast<std::uint32_t>(std::atoi(given)) : std::random_device()();
    fmt::print("KISSA_SEED={}\n", value);
    return value;
  }();
  return kSeed;
}

Tolerance tolerance_of(const Op& op) {
  const std::string_view name = name_of(op);
  for (const std::string_view exact : {"concat", "slice", "tile", "crop", "argmax", "identity",
                                       "flatten", "reshape", "batch_reindex", "threshold"})
    if (name == exact) return {0.0, 0.0};
  return {1e-5, 5e-6};
}

void run_plain(const OpCase& op_case, const cpu::TrialOptions& options) {
  const Trial trial = cpu::make_trial(op_case, options);
  ASSERT_EQ(plain_tactic().refuse(trial.region), std::nullopt) << op_case.name;
  run_trial(plain_tactic(), trial, tolerance_of(op_case.op));
}

TEST(CudaPlain, Cases) {
  for (const OpCase& op_case : cases()) run_plain(op_case, {.seed = seed()});
}

// Few and small, for tools that check every access.
TEST(CudaPlain, Sample) {
  for (const OpCase& op_case : cases())
    if (!op_case.large) run_plain(op_case, {.seed = seed()});
}

TEST(CudaPlain, Batches) {
  for (const OpCase& op_case : cases()) {
    if (op_case.large) continue;
    for (std::int64_t batch = 1; batch <= 17; ++batch)
      if (const auto other = cpu::with_batch(op_case, batch)) run_plain(*other, {.seed = seed()});
  }
}

TEST(CudaPlain, Epilogues) {
  const OpCase op_case = parse_case("conv convolution num_output=19 kernel=3 pad=1 in=2x5x7x9");
  for (const bool has_residual : {false, true})
    for (const Epilogue& epilogue :
         {Epilogue{.activation = Activation::kRelu, .low = 0.1f, .has_residual = has_residual},
          Epilogue{.activation = Activation::kClip,
          .low = -0.5f,
          .high = 0.75f,
          .has_residual = has_residual}})
      run_plain(op_case, {.epilogue = epilogue, .seed = seed()});
}

bool is_plain(const Tactic& tactic) { return tactic.name() == plain_tactic().name(); }

// The FP16 tactics that a region's trial is run by, and which of them were of use.
class Fp16Runner {
 public:
  void run(const Trial& trial) {
    for (const Tactic* tactic : fused_fp16_tactics()) {
      if (is_plain(*tactic) || tactic->refuse(trial.region) || is_out_of_range(trial)) continue;
      used_.insert(tactic->name());
      Trial formatted = trial;
      cpu::set_formats(formatted.region, tactic->requirements(trial.region));
      // Inputs, weights and results are rounded to 11 bits; sums are not.
      run_trial(*tactic, std::move(formatted), {2e-3, 1.5e-3});
    }
  }
  // FP16 has no -FLT_MAX, which an empty window gives.
  static bool is_out_of_range(const Trial& trial) {
    for (const cpu::Floats& values : trial.expected)
      for (const float value : values)
        if (std::abs(value) > 65504.0f) return true;
    return false;
  }
  void expect_all_used() const {
    for (const Tactic* tactic : fused_fp16_tactics()) {
      if (is_plain(*tactic)) continue;
      EXPECT_TRUE(used_.contains(tactic->name())) << "no case reaches " << tactic->name();
    }
  }

 private:
  std::set<std::string_view> used_;
};

// An identity of 4 axes also as both reorders.
std::vector<Trial> fp16_trials(const OpCase& op_case) {
  std::vector<Trial> trials;
  trials.push_back(cpu::make_trial(op_case, {.seed = seed()}));
  if (std::holds_alternative<Identity>(op_case.op) && op_case.in[0].rank() == 4) {
    const Format half = {.type = DataType::kF16, .layout = Layout::kNhwc};
    for (const bool into : {false, true}) {
      trials.push_back(cpu::make_trial(op_case, {.seed = seed()}));
      cpu::set_formats(trials.back().region, {{into ? Format{} : half}, {into ? half : Format{}}});
    }
  }
  return trials;
}

Convolution same_conv(std::int64_t outputs, std::int64_t side) {
  return {.num_output = outputs,
          .kernel = {side, side},
          .stride = {1, 1},
          .pad = {side / 2, side / 2},
          .dilation = {1, 1}};
}

// Integers that FP16 holds exactly: only the result is rounded.
std::vector<Trial> chains() {
  const Pooling pool = {.kernel = {3, 3}, .stride = {2, 2}};
  const Pooling padded = {.kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}};
  const Lrn lrn = {.size = 5, .alpha = 1e-4f, .beta = 0.75f};
  const Lrn wide = {.size = 9, .alpha = 0.01f, .beta = 0.6f, .k = 2.0f};
  std::vector<Trial> trials;
  for (const Shape& shape : {Shape{1, 64, 12, 13}, Shape{2, 19, 9, 8}, Shape{3, 3, 5, 5},
                             Shape{1, 192, 10, 14}, Shape{17, 8, 4, 3}, Shape{128, 70, 13, 11}})
    for (const Fill& fill : {Fill{.low = -9.0f, .high = 9.0f, .integers = true},
                             Fill{.low = 300.0f, .high = 2000.0f, .integers = true}})
      for (const Lrn& each : {lrn, wide}) {
        trials.push_back(cpu::make_chain("lrn", {each}, shape, fill));
        for (const Pooling& around : {pool, padded}) {
          trials.push_back(cpu::make_chain("pool, lrn", {around, each}, shape, fill));
          trials.push_back(cpu::make_chain("lrn, pool", {each, around}, shape, fill));
        }
      }
  // Networks' heads: 7 x 7 convolution, pool, LRN, 1 x 1 convolution.
  Convolution first = same_conv(64, 7);
  first.stride = {2, 2};
  for (const Shape& shape : {Shape{1, 3, 224, 224}, Shape{2, 3, 61, 75}, Shape{17, 1, 16, 15}})
    trials.push_back(cpu::make_chain("head", {first, pool, lrn, same_conv(64, 1)}, shape, {}));
  return trials;
}

// Independent convolutions and a pool of one image size, as in an Inception module.
Trial module_trial(std::int64_t images, std::int64_t channels, std::int64_t side) {
  const Pooling pool = {.kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}};
  const Shape in = {images, channels, side, side};
  std::vector<std::pair<Op, Shape>> parts;
  for (const auto& [outputs, filter, from] :
       {std::tuple{64, 1, channels}, std::tuple{48, 3, std::int64_t{32}},
        std::tuple{33, 5, std::int64_t{16}}})
    parts.emplace_back(same_conv(outputs, filter), in.with(1, from));
  parts.emplace_back(pool, in);
  std::vector<Trial> trials;
  for (const auto& [op, shape] : parts)
    trials.push_back(cpu::make_trial(
        {.name = "part", .op = op, .in = {shape}, .fills = {Fill{}}},
        {.epilogue = {.activation = std::holds_alternative<Pooling>(op) ? Activation::kNone
                                                                        : Activation::kRelu},
         .seed = seed()}));
  return cpu::join(fmt::format("module of {}", in.to_string()), std::move(trials));
}

TEST(CudaFp16, Sample) {
  Fp16Runner runner;
  for (const OpCase& op_case : cases())
    if (!op_case.large)
      for (const Trial& trial : fp16_trials(op_case)) runner.run(trial);
  for (const Trial& trial : chains()) runner.run(trial);
  runner.run(module_trial(2, 48, 9));
}

TEST(CudaFp16, Cases) {
  Fp16Runner runner;
  for (const OpCase& op_case : cases())
    for (const Trial& trial : fp16_trials(op_case)) runner.run(trial);
  for (const Trial& trial : chains()) runner.run(trial);
  runner.expect_all_used();
}

TEST(CudaFp16, Batches) {
  Fp16Runner runner;
  for (const OpCase& op_case : cases()) {
    if (op_case.large) continue;
    for (std::int64_t batch = 1; batch <= 17; ++batch)
      if (const auto other = cpu::with_batch(op_case, batch))
        for (const Trial& trial : fp16_trials(*other)) runner.run(trial);
  }
}

TEST(CudaFp16, Modules) {
  Fp16Runner runner;
  for (const std::int64_t images : {1, 2, 5})
    for (const std::int64_t side : {7, 14, 28})
      for (const std::int64_t channels : {20, 192, 832})
        runner.run(module_trial(images, channels, side));
}

TEST(CudaFp16, Epilogues) {
  Fp16Runner runner;
  for (const Epilogue& epilogue :
       {Epilogue{.activation = Activation::kRelu},
        Epilogue{.activation = Activation::kClip, .low = -2.0f, .high = 3.0f}})
    for (const char* line : {"conv convolution num_output=19 kernel=3 pad=1 in=2x5x7x9",
                             "first convolution num_output=70 kernel=7 stride=2 pad=3 in=2x3x31x29",
                             "dense inner_product num_output=70 in=3x100x1x1"})
      runner.run(cpu::make_trial(parse_case(line), {.epilogue = epilogue, .seed = seed()}));
}

TEST(CudaDevice, KeepsWhatIsFreed) {
  const std::int64_t before = test_device().available_memory();
  { const auto buffer = test_device().allocate(std::int64_t{64} << 20); }
  EXPECT_NEAR(static_cast<double>(test_device().available_memory()), static_cast<double>(before),
              static_cast<double>(std::int64_t{8} << 20));
}

TEST(CudaDevice, SaysWhatIsMissing) {
  try {
    test_device().allocate(std::int64_t{1} << 46);
    ADD_FAILURE() << "allocated 64 TiB";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  }
  EXPECT_THROW(create_device({.index = 1000}), Error);
}

}  // namespace
}  // namespace kissa::cuda
