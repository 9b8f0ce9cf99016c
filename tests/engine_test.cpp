// What an engine says about its steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "import/caffe/test_files.h"
#include "kissa/kissa.h"

namespace kissa {
namespace {

constexpr const char* kNetwork = R"(
  layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 16 dim: 16 } } }
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
          convolution_param { num_output: 32 kernel_size: 3 pad: 1 } }
  layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
  layer { name: "deep" type: "Convolution" bottom: "conv" top: "deep"
          convolution_param { num_output: 32 kernel_size: 3 pad: 1 } }
  layer { name: "pool" type: "Pooling" bottom: "deep" top: "pool"
          pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
  layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
          inner_product_param { num_output: 5 } }
)";

Engine build(Mode mode) {
  const caffe::TempFile file("net.prototxt", kNetwork);
  CaffeOptions random;
  random.random_seed = 1;
  EngineOptions options;
  options.mode = mode;
  options.threads = 2;
  options.build_seconds = 0.0;
  return Engine::build(Model::load_caffe(file.path(), "", random), options);
}

TEST(EngineTest, StepsNameEveryLayerOnce) {
  for (const Mode mode : {Mode::kFused, Mode::kCaffe}) {
    std::multiset<std::string> layers;
    for (const StepInfo& step : build(mode).steps()) {
      layers.insert(step.layers.begin(), step.layers.end());
      EXPECT_TRUE(step.tactic.starts_with("cpu.")) << step.tactic;
      EXPECT_FALSE(step.outputs.empty());
    }
    EXPECT_EQ(layers, (std::multiset<std::string>{"conv", "relu", "deep", "pool", "ip"}));
  }
}

TEST(EngineTest, StepsSayWhyNoBetterTacticTookThem) {
  const Engine engine = build(Mode::kFused);
  for (const StepInfo& step : engine.steps()) {
    for (const TacticRefusal& refusal : step.refusals) {
      EXPECT_NE(refusal.tactic, step.tactic);
      EXPECT_FALSE(refusal.reason.empty());
    }
    if (step.layers == std::vector<std::string>{"deep"}) {
      EXPECT_FALSE(step.refusals.empty());
    }
  }
}

TEST(EngineTest, TimedRunsGiveTheSameResultsAndATimeForEachStep) {
  for (const Mode mode : {Mode::kFused, Mode::kCaffe}) {
    const Engine engine = build(mode);
    Context context = engine.create_context();
    float next = -1.0f;
    for (float& value : context.input("data")) value = next = next < 1.0f ? next + 0.1f : -1.0f;
    context.run();
    const std::span<const float> output = context.output("ip");
    const std::vector<float> wanted(output.begin(), output.end());
    const std::vector<double> times = context.run_timed();
    EXPECT_EQ(times.size(), engine.steps().size());
    for (const double time : times) EXPECT_GE(time, 0.0);
    EXPECT_GT(*std::max_element(times.begin(), times.end()), 0.0);
    EXPECT_EQ(std::vector<float>(output.begin(), output.end()), wanted);
  }
}

TEST(EngineTest, PassesAreDescribedAndSkippedByName) {
  const caffe::TempFile file("net.prototxt", kNetwork);
  const Model model = Model::load_caffe(file.path());
  EXPECT_NE(model.describe_passes().find("'relu' into 'conv'"), std::string::npos);
  EXPECT_NE(model.describe_passes({}, {"fuse_activation"}).find("fuse_activation: switched off"),
            std::string::npos);
  EXPECT_THROW(model.describe_passes({}, {"fuse_everything"}), Error);
}

}  // namespace
}  // namespace kissa
