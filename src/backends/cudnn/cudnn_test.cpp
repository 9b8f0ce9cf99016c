// Every tactic of cuDNN on every line of tests/cases, against the references.
#include "backends/cudnn/cudnn.h"

#include <gtest/gtest.h>

#include <set>

#include "backends/cuda/cuda.h"
#include "backends/cuda/nhwc.h"
#include "backends/cuda/tactic_testing.h"
#include "backends/cudnn/library.h"
#include "backends/cudnn/tactics.h"

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

// The convolution of fused mode.
class CudnnFused : public testing::TestWithParam<cuda::Number> {
 protected:
  void SetUp() override {
    if (!library().is_loaded) GTEST_SKIP() << "cuDNN: " << library().text;
    tactic_ = make_fused_conv(GetParam());
  }

  void run(const OpCase& op_case, const Epilogue& epilogue = {}) {
    cpu::Trial trial = cpu::make_trial(op_case, {.epilogue = epilogue, .seed = cuda::seed()});
    if (tactic_->refuse(trial.region)) return;
    cpu::set_formats(trial.region, tactic_->requirements(trial.region));
    const auto tolerance = cuda::tolerance_of(GetParam(), cuda::reduction_length(trial.region));
    cuda::run_trial(*tactic_, std::move(trial), tolerance);
    ++runs_;
  }

  std::unique_ptr<const Tactic> tactic_;
  int runs_ = 0;
};

// What our own kernels do not take: groups of whole blocks and of parts of them, large strides.
const char* const kOthers[] = {
    "group_blocks convolution num_output=64 group=2 kernel=5 pad=2 in=2x32x13x11",
    "group_parts convolution num_output=48 group=4 kernel=3 stride=2 pad=1 in=2x24x15x17",
    "group_wide convolution num_output=96 group=32 kernel=3 pad=1 in=1x96x14x14",
    "depthwise convolution num_output=64 group=64 kernel=3 pad=1 in=2x64x14x15",
    "depthwise_s2 convolution num_output=40 group=40 kernel=3 stride=2 pad=1 in=3x40x28x27",
    "depthwise_x2 convolution num_output=64 group=32 kernel=3 pad=1 in=1x32x9x10",
    "dilated convolution num_output=33 kernel=3 dilation=4 pad=4 in=2x48x19x17",
    "stride_4 convolution num_output=96 kernel=11 stride=4 in=1x3x67x67",
    "oblong convolution num_output=20 kernel=1,7 pad=0,3 in=2x24x17x17",
};

TEST_P(CudnnFused, Cases) {
  for (const OpCase& op_case : cuda::cases()) run(op_case);
  for (const char* line : kOthers) run(parse_case(line));
  EXPECT_GT(runs_, 0);
}

TEST_P(CudnnFused, Batches) {
  for (const char* line : kOthers)
    for (std::int64_t batch = 1; batch <= 17; ++batch)
      run(*cpu::with_batch(parse_case(line), batch));
}

TEST_P(CudnnFused, Epilogues) {
  for (const bool has_residual : {false, true})
    for (const Activation activation : {Activation::kNone, Activation::kRelu})
      for (const char* line : kOthers)
        run(parse_case(line), {.activation = activation, .has_residual = has_residual});
  EXPECT_EQ(runs_, 4 * static_cast<int>(std::size(kOthers)));
}

INSTANTIATE_TEST_SUITE_P(Numbers, CudnnFused,
                         testing::Values(cuda::Number::kF16, cuda::Number::kTf32,
                                         cuda::Number::kF32),
                         [](const auto& test) { return std::string(cuda::suffix_of(test.param)); });

}  // namespace
}  // namespace kissa::cudnn
