// Every tactic of the CUDA backend on every line of tests/cases, against the references.
#include "backends/cuda/tactics.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

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
