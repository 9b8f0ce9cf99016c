// What cuDNN's tactics take and refuse; no GPU and no cuDNN needed.
#include "backends/cudnn/tactics.h"

#include <gtest/gtest.h>

#include "backends/cpu/tactic_testing.h"
#include "backends/cuda/cuda.h"
#include "backends/cudnn/cudnn.h"

namespace kissa::cudnn {
namespace {

bool takes(const Tactic& tactic, const char* line) {
  return !tactic.refuse(cpu::make_trial(parse_case(line)).region);
}

TEST(CudnnTactics, TakeWhatCaffeComputesAlike) {
  EXPECT_TRUE(takes(*make_conv(), "x convolution num_output=6 kernel=3 pad=1 group=2 in=2x4x7x9"));
  EXPECT_TRUE(takes(*make_pool(), "x pooling kernel=3 stride=2 in=1x4x12x13"));  // overhangs
  EXPECT_TRUE(takes(*make_pool(), "x pooling kernel=3 stride=2 pad=1 in=3x4x12x13"));
  EXPECT_TRUE(takes(*make_pool(), "x pooling method=average kernel=2 stride=2 in=1x3x7x9"));
  EXPECT_TRUE(takes(*make_pool(), "x pooling method=average kernel=3 pad=1 in=2x4x7x6"));
  EXPECT_TRUE(takes(*make_pool(), "x pooling method=average global=1 in=3x5x6x7"));
  EXPECT_TRUE(takes(*make_lrn(), "x lrn size=5 alpha=0.0001 beta=0.75 in=2x16x6x7"));
  EXPECT_TRUE(takes(*make_softmax(), "x softmax in=2x7"));
  for (const char* line : {"x relu in=2x3", "x sigmoid in=2x3x4x5x6", "x tanh in=7"})
    EXPECT_TRUE(takes(*make_activation(), line)) << line;
}

TEST(CudnnTactics, RefuseTheRest) {
  EXPECT_FALSE(takes(*make_conv(), "x convolution num_output=6 kernel=3 in=2x4x9"));
  EXPECT_FALSE(takes(*make_conv(), "x relu in=2x3x4x5"));
  for (const char* line : {"x pooling kernel=2 stride=3 in=1x2x9x9",  // the last windows are empty
                           "x pooling method=average kernel=3 stride=2 pad=1 in=3x4x12x13",
                           "x pooling method=stochastic kernel=3 in=2x3x8x9 fill=0:1",
                           "x pooling kernel=3 stride=2 with_mask=1 in=2x3x7x8"})
    EXPECT_FALSE(takes(*make_pool(), line)) << line;
  for (const char* line : {"x lrn size=17 in=1x20x3x3", "x lrn size=3 region=within in=2x3x7x6"})
    EXPECT_FALSE(takes(*make_lrn(), line)) << line;
  EXPECT_FALSE(takes(*make_activation(), "x relu negative_slope=0.1 in=2x3"));
}

TEST(CudnnTactics, FuseAnyConvolution) {
  for (const cuda::Number number : {cuda::Number::kF16, cuda::Number::kTf32, cuda::Number::kF32}) {
    const auto conv = make_fused_conv(number);
    for (const char* line : {"x convolution num_output=6 kernel=3 pad=1 group=2 in=2x4x7x9",
                             "x convolution num_output=9 group=9 kernel=3 stride=2 in=1x9x11x8",
                             "x convolution num_output=4 kernel=3,2 dilation=1,3 in=1x3x9x8"})
      EXPECT_TRUE(takes(*conv, line)) << line;
    for (const char* line : {"x convolution num_output=6 kernel=3 in=2x4x9", "x relu in=2x3x4x5"})
      EXPECT_FALSE(takes(*conv, line)) << line;
    const OpCase op_case = parse_case("x convolution num_output=6 kernel=3 in=2x4x7x9");
    const auto fits = [&](const Epilogue& epilogue) {
      return !conv->refuse(cpu::make_trial(op_case, {.epilogue = epilogue}).region);
    };
    EXPECT_TRUE(fits({.activation = Activation::kRelu, .has_residual = true}));
    EXPECT_FALSE(fits({.activation = Activation::kRelu, .low = 0.1f}));
    EXPECT_FALSE(fits({.activation = Activation::kClip, .low = 0.0f, .high = 6.0f}));
  }
}

// Behind what knows tensor cores, before the plain kernels.
TEST(CudnnTactics, HaveTheirPlace) {
  if (!library().is_loaded) GTEST_SKIP() << "cuDNN: " << library().text;
  for (const Precision precision : {Precision::kFp32, Precision::kTf32, Precision::kFp16}) {
    const TacticList own = cuda::tactics(Mode::kFused, precision);
    const TacticList all = with_cudnn(own, Mode::kFused, precision);
    ASSERT_EQ(all.size(), own.size() + 1);
    EXPECT_EQ(all[all.size() - 2]->name(), "cuda.plain.f32");
    EXPECT_TRUE(all[all.size() - 3]->name().starts_with("cudnn.conv.nhwc."));
  }
}

}  // namespace
}  // namespace kissa::cudnn
