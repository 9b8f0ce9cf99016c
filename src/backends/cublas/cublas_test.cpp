// Caffe mode's products by cuBLAS on every line of tests/cases, against the references.
#include "backends/cublas/cublas.h"

#include <gtest/gtest.h>

#include "backends/cublas/library.h"
#include "backends/cuda/tactic_testing.h"

namespace kissa::cublas {
namespace {

class Cublas : public testing::Test {
 protected:
  void SetUp() override {
    if (!library().is_loaded) GTEST_SKIP() << "cuBLAS: " << library().text;
  }

  void run(const OpCase& op_case, const Epilogue& epilogue = {}) {
    const cpu::Trial trial = cpu::make_trial(op_case, {.epilogue = epilogue, .seed = cuda::seed()});
    for (const auto& tactic : tactics_) {
      if (tactic->refuse(trial.region)) continue;
      cuda::run_trial(*tactic, trial, {1e-5, 5e-6});  // as the plain kernels
      ++runs_;
    }
  }

  std::vector<std::unique_ptr<const Tactic>> tactics_ = make_tactics();
  int runs_ = 0;
};

TEST_F(Cublas, Cases) {
  for (const OpCase& op_case : cuda::cases()) run(op_case);
  EXPECT_GT(runs_, 0);
}

TEST_F(Cublas, Batches) {
  for (const OpCase& op_case : cuda::cases()) {
    if (op_case.large) continue;
    for (std::int64_t batch = 1; batch <= 17; ++batch)
      if (const auto other = cpu::with_batch(op_case, batch)) run(*other);
  }
  EXPECT_GT(runs_, 0);
}

TEST_F(Cublas, Epilogues) {
  for (const char* line : {"conv convolution num_output=20 group=2 kernel=3 pad=1 in=2x6x7x9",
                           "dense inner_product num_output=70 in=3x100x1x1"})
    for (const bool has_residual : {false, true})
      run(parse_case(line),
          {.activation = Activation::kRelu, .low = 0.1f, .has_residual = has_residual});
  EXPECT_EQ(runs_, 4);
}

}  // namespace
}  // namespace kissa::cublas
