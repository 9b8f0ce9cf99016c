// Every tactic of cuDNN on every line of tests/cases, against the references.
#include "backends/cudnn/cudnn.h"

#include <gtest/gtest.h>

#include <set>

#include "backends/cuda/cuda.h"
#include "backends/cuda/tactic_testing.h"
#include "backends/cudnn/library.h"

namespace kissa::cudnn {
namespace {

class Cudnn : public testing::Test {
 protected:
  void SetUp() override {
    if (!library().is_loaded) GTEST_SKIP() << "cuDNN: " << library().text;
    for (const Tactic* tactic :
         with_cudnn(cuda::tactics(Mode::kCaffe, Precision::kFp32), Mode::kCaffe, Precision::kFp32))
      if (tactic->name().starts_with("cudnn.")) tactics_.push_back(tactic);
    ASSERT_FALSE(tactics_.empty());
  }

  void run(const OpCase& op_case, const cpu::TrialOptions& options = {.seed = cuda::seed()}) {
    const cpu::Trial trial = cpu::make_trial(op_case, options);
    for (const Tactic* tactic : tactics_) {
      if (tactic->refuse(trial.region)) continue;
      used_.insert(tactic->name());
      cuda::run_trial(*tactic, trial, {1e-5, 2e-5});  // cuDNN may choose Winograd or FFT
    }
  }
  void expect_all_used() const {
    for (const Tactic* tactic : tactics_)
      EXPECT_TRUE(used_.contains(tactic->name())) << "no case reaches " << tactic->name();
  }

 private:
  std::vector<const Tactic*> tactics_;
  std::set<std::string_view> used_;
};

TEST_F(Cudnn, Cases) {
  for (const OpCase& op_case : cuda::cases()) run(op_case);
  expect_all_used();
}

TEST_F(Cudnn, Batches) {
  for (const OpCase& op_case : cuda::cases()) {
    if (op_case.large) continue;
    for (std::int64_t batch = 1; batch <= 17; ++batch)
      if (const auto other = cpu::with_batch(op_case, batch)) run(*other);
  }
}

TEST_F(Cudnn, Epilogues) {
  const OpCase op_case = parse_case("conv convolution num_output=19 kernel=3 pad=1 in=2x5x7x9");
  for (const bool has_residual : {false, true})
    run(op_case,
        {.epilogue = {.activation = Activation::kRelu, .low = 0.1f, .has_residual = has_residual},
         .seed = cuda::seed()});
}

}  // namespace
}  // namespace kissa::cudnn
