#include "backends/onednn/conv.h"

#include <gtest/gtest.h>

#include "backends/cpu/cpu.h"
#include "backends/cpu/isa.h"
#include "backends/cpu/tactic_testing.h"

namespace kissa::onednn {
namespace {

constexpr cpu::Tolerance kTolerance = {.relative = 0.0, .absolute = 2e-5};

// Runs all convolutions that the tactic takes; returns how many.
int run_cases(const std::vector<OpCase>& cases, const Epilogue& epilogue, int threads) {
  const auto tactic = make_conv();
  const auto device = cpu::create_device(threads);
  const auto stream = device->create_stream();
  int taken = 0;
  for (const OpCase& op_case : cases) {
    if (!std::holds_alternative<Convolution>(op_case.op)) continue;
    cpu::Trial trial = cpu::make_trial(op_case, {.epilogue = epilogue});
    if (tactic->refuse(trial.region)) continue;
    cpu::set_formats(trial.region, tactic->requirements(trial.region));
    cpu::run_trial(*tactic, std::move(trial), kTolerance, *device, *stream);
    ++taken;
  }
  return taken;
}

TEST(OneDnnConv, CasesAndEpilogues) {
  if (cpu::usable_isa() < cpu::Isa::kAvx512) GTEST_SKIP() << "this machine has no AVX-512";
  const std::vector<OpCase> cases = read_all_cases(KISSA_CASES_DIR);
  for (const int threads : {1, 3}) EXPECT_GT(run_cases(cases, {}, threads), 10);
  std::vector<OpCase> few;
  for (const char* line : {"case convolution num_output=40 kernel=3 pad=1 in=2x24x9x7",
                           "case convolution num_output=64 kernel=3 pad=1 group=2 in=1x32x8x8",
                           "case convolution num_output=32 kernel=3 pad=1 group=32 in=2x32x8x8"})
    few.push_back(parse_case(line));
  const Epilogue epilogues[] = {{.activation = Activation::kRelu},
                                {.activation = Activation::kRelu, .low = 0.1f},
                                {.activation = Activation::kClip, .low = -0.5f, .high = 1.5f}};
  for (const Epilogue& epilogue : epilogues) EXPECT_EQ(run_cases(few, epilogue, 2), 3);
}

}  // namespace
}  // namespace kissa::onednn
