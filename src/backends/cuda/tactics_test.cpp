// Every tactic of the CUDA backend on every line of tests/cases, against the references.
#include "backends/cuda/tactics.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "backends/cuda/cuda.h"
#include "backends/cuda/nhwc.h"
#include "backends/cuda/tactic_testing.h"

namespace kissa::cuda {
namespace {

using cpu::Tolerance;
using cpu::Trial;

Tolerance tolerance_of(const Op& op) {
  const std::string_view name = name_of(op);
  for (const std::string_view exact : {"concat", "slice", "tile", "crop", "argmax", "identity",
                                       "flatten", "reshape", "batch_reindex", "threshold"})
    if (name == exact) return {0.0, 0.0};
  return {1e-5, 5e-6};
}

void run_plain(const OpCase& op_case, const cpu::TrialOptions& options) {
  const Trial trial = cpu::make_trial(op_case, options);
  if (!plain_tactic().refuse(trial.region))
    return run_trial(plain_tactic(), trial, tolerance_of(op_case.op));
  ASSERT_EQ(host_tactic().refuse(trial.region), std::nullopt) << op_case.name;
  run_trial(host_tactic(), trial, {0.0, 0.0});
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

bool is_plain(const Tactic& tactic) {
  return tactic.name() == plain_tactic().name() || tactic.name() == host_tactic().name();
}

constexpr std::array kNumbers = {Number::kF16, Number::kTf32, Number::kF32};

// The fused tactics that a region's trial is run by, and which of them were of use.
class FusedRunner {
 public:
  explicit FusedRunner(Number number) : number_(number) {}

  void run(const Trial& trial) {
    for (const Tactic* tactic : fused_tactics(number_)) {
      if (is_plain(*tactic) || tactic->refuse(trial.region) || is_out_of_range(trial)) continue;
      used_.insert(tactic->name());
      Trial formatted = trial;
      cpu::set_formats(formatted.region, tactic->requirements(trial.region));
      run_trial(*tactic, std::move(formatted),
                tolerance_of(number_, reduction_length(trial.region)));
    }
  }
  // As run(); an identity of 4 axes also as both reorders.
  void run(const OpCase& op_case, const cpu::TrialOptions& options = {.seed = seed()}) {
    run(cpu::make_trial(op_case, options));
    if (!std::holds_alternative<Identity>(op_case.op) || op_case.in[0].rank() != 4) return;
    for (const bool into : {false, true}) {
      Trial trial = cpu::make_trial(op_case, options);
      const Format own = nhwc(number_);
      cpu::set_formats(trial.region, {{into ? Format{} : own}, {into ? own : Format{}}});
      run(trial);
    }
  }
  void expect_all_used() const {
    for (const Tactic* tactic : fused_tactics(number_)) {
      if (is_plain(*tactic)) continue;
      EXPECT_TRUE(used_.contains(tactic->name())) << "no case reaches " << tactic->name();
    }
  }

 private:
  // FP16 has no -FLT_MAX, which an empty window gives, and TF32 rounds it to infinity.
  bool is_out_of_range(const Trial& trial) const {
    const float largest = number_ == Number::kF16    ? 65504.0f
                          : number_ == Number::kTf32 ? 1e38f
                                                     : std::numeric_limits<float>::infinity();
    for (const cpu::Floats& values : trial.expected)
      for (const float value : values)
        if (std::abs(value) > largest) return true;
    return false;
  }

  Number number_;
  std::set<std::string_view> used_;
};

class CudaFused : public testing::TestWithParam<Number> {
 protected:
  FusedRunner runner{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Numbers, CudaFused, testing::ValuesIn(kNumbers),
                         [](const auto& of) { return std::string(suffix_of(of.param)); });

Convolution same_conv(std::int64_t outputs, std::int64_t side) {
  return {.num_output = outputs,
          .kernel = {side, side},
          .stride = {1, 1},
          .pad = {side / 2, side / 2},
          .dilation = {1, 1}};
}

// Integers that 11 bits hold exactly: only the result is rounded.
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
  for (const Shape& shape : {Shape{1, 3, 224, 224}, Shape{2, 3, 61, 75}, Shape{17, 1, 16, 15},
                             Shape{8, 3, 224, 224}, Shape{40, 2, 37, 45}})
    trials.push_back(cpu::make_chain("head", {first, pool, lrn, same_conv(64, 1)}, shape, {}));
  // What follows them: 3 x 3 convolution, LRN, pool.
  for (const auto& [shape, outputs] :
       {std::pair{Shape{1, 64, 56, 56}, 192}, std::pair{Shape{2, 19, 9, 34}, 70},
        std::pair{Shape{1, 8, 30, 5}, 33}, std::pair{Shape{2, 40, 61, 29}, 150}})
    trials.push_back(cpu::make_chain("neck", {same_conv(outputs, 3), lrn, pool}, shape, {}));
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

TEST_P(CudaFused, Sample) {
  for (const OpCase& op_case : cases())
    if (!op_case.large) runner.run(op_case);
  for (const Trial& trial : chains()) runner.run(trial);
  runner.run(module_trial(2, 48, 9));
}

TEST_P(CudaFused, Cases) {
  for (const OpCase& op_case : cases()) runner.run(op_case);
  for (const Trial& trial : chains()) runner.run(trial);
  runner.expect_all_used();
}

TEST_P(CudaFused, Batches) {
  for (const OpCase& op_case : cases()) {
    if (op_case.large) continue;
    for (std::int64_t batch = 1; batch <= 17; ++batch)
      if (const auto other = cpu::with_batch(op_case, batch)) runner.run(*other);
  }
}

TEST_P(CudaFused, Modules) {
  for (const std::int64_t images : {1, 2, 5})
    for (const std::int64_t side : {7, 14, 28})
      for (const std::int64_t channels : {20, 192, 832})
        runner.run(module_trial(images, channels, side));
}

TEST_P(CudaFused, Epilogues) {
  for (const Epilogue& epilogue :
       {Epilogue{.activation = Activation::kRelu},
        Epilogue{.activation = Activation::kClip, .low = -2.0f, .high = 3.0f}})
    for (const char* line : {"conv convolution num_output=19 kernel=3 pad=1 in=2x5x7x9",
                             "first convolution num_output=70 kernel=7 stride=2 pad=3 in=2x3x31x29",
                             "dense inner_product num_output=70 in=3x100x1x1"})
      runner.run(parse_case(line), {.epilogue = epilogue, .seed = seed()});
}

TEST_P(CudaFused, ClassifiersOfSeveralImages) {
  for (const char* line : {"one inner_product num_output=70 in=1x100x1x1",
                           "few inner_product num_output=70 in=7x1024x1x1",
                           "many inner_product num_output=33 in=43x1100x1x1"})
    runner.run(parse_case(line), {.seed = seed()});
}

// Three TF32 products of halves are as good as one in FP32; references sum in double precision.
TEST(CudaFp32, IsAsExactAsOneProduct) {
  for (const char* line : {"deep convolution num_output=64 kernel=3 pad=1 in=2x192x14x14",
                           "wide convolution num_output=64 kernel=1 in=2x832x7x7",
                           "first convolution num_output=64 kernel=7 stride=2 pad=3 in=1x3x64x64",
                           "dense inner_product num_output=64 in=20x1024x1x1"}) {
    const Trial trial = cpu::make_trial(parse_case(line), {.seed = seed()});
    const double plain = mean_error(plain_tactic(), trial);
    for (const Tactic* tactic : fused_tactics(Number::kF32)) {
      if (is_plain(*tactic) || tactic->refuse(trial.region)) continue;
      Trial formatted = trial;
      cpu::set_formats(formatted.region, tactic->requirements(trial.region));
      const double error = mean_error(*tactic, std::move(formatted));
      EXPECT_LE(error, 1.5 * plain) << tactic->name() << " on " << line;
      fmt::print("{} {}: {:.2g}, plain {:.2g}\n", tactic->name(), trial.name, error, plain);
    }
  }
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
