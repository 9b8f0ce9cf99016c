// What an engine says about its steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "import/caffe/file_testing.h"
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

// Two of the five items are kept.
TEST(EngineTest, OutputsAreAsLargeAsTheDataMakesThem) {
  const caffe::TempFile file("net.prototxt", R"(
    input: "data" input: "which" input_shape { dim: [5, 2] } input_shape { dim: 5 }
    layer { name: "f" type: "Filter" bottom: "data" bottom: "which" top: "kept" }
    layer { name: "r" type: "ReLU" bottom: "kept" top: "r" })");
  for (const Mode mode : {Mode::kFused, Mode::kCaffe}) {
    EngineOptions options;
    options.mode = mode;
    options.build_seconds = 0.0;
    options.fetch = {"kept"};
    const Engine engine = Engine::build(Model::load_caffe(file.path()), options);
    ASSERT_EQ(engine.outputs().size(), 2u);
    EXPECT_EQ(engine.outputs()[0].dims, (Dims{5, 2}));
    Context context = engine.create_context();
    const std::vector<float> data = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, which = {0, 1, 0, 1, 0};
    std::copy(data.begin(), data.end(), context.input("data").begin());
    std::copy(which.begin(), which.end(), context.input("which").begin());
    context.run();
    for (const char* name : {"kept", "r"}) {
      EXPECT_EQ(context.output_dims(name), (Dims{2, 2}));
      const auto output = context.output(name);
      EXPECT_EQ(std::vector(output.begin(), output.end()), (std::vector<float>{3, 4, 7, 8}));
    }
    std::fill_n(context.input("which").begin(), 5, 0.0f);
    context.run();
    EXPECT_EQ(context.output_dims("r"), (Dims{0, 2}));
    EXPECT_TRUE(context.output("r").empty());
  }
}

// One value that a step reads in two roles is in one format.
TEST(EngineTest, AConvolutionAddsTheNetworksInput) {
  const caffe::TempFile file("net.prototxt", R"(
    input: "data" input_shape { dim: [1, 4, 17, 17] }
    layer { name: "c3" type: "Convolution" bottom: "data" top: "c3"
            convolution_param { num_output: 4 kernel_size: 3 pad: 1
                                weight_filler { type: "xavier" } } }
    layer { name: "sum" type: "Eltwise" bottom: "data" bottom: "c3" top: "sum" })");
  CaffeOptions random;
  random.random_seed = 1;
  const Model model = Model::load_caffe(file.path(), "", random);
  std::vector<std::vector<float>> sums;
  for (const Mode mode : {Mode::kCaffe, Mode::kFused}) {
    EngineOptions options;
    options.mode = mode;
    options.build_seconds = 0.0;
    Context context = Engine::build(model, options).create_context();
    float number = 0.0f;
    for (float& x : context.input("data")) x = (number = number > 1.0f ? -1.0f : number + 0.17f);
    context.run();
    const auto sum = context.output("sum");
    sums.emplace_back(sum.begin(), sum.end());
  }
  for (std::size_t i = 0; i < sums[0].size(); ++i) EXPECT_NEAR(sums[0][i], sums[1][i], 1e-5f) << i;
}

// A model is read once; detectors' boxes follow the size of the image.
TEST(EngineTest, AModelIsPlannedForAnyInputSize) {
  const caffe::TempFile file("net.prototxt", R"(
    input: "data" input_shape { dim: [1, 3, 20, 20] }
    layer { name: "c" type: "Convolution" bottom: "data" top: "c"
            convolution_param { num_output: 8 kernel_size: 3 stride: 2 } }
    layer { name: "p" type: "Permute" bottom: "c" top: "p" permute_param { order: [0, 2, 3, 1] } }
    layer { name: "f" type: "Flatten" bottom: "p" top: "f" }
    layer { name: "b" type: "PriorBox" bottom: "c" bottom: "data" top: "b"
            prior_box_param { min_size: 4 } })");
  CaffeOptions random;
  random.random_seed = 1;
  const Model model = Model::load_caffe(file.path(), "", random);
  for (const std::int64_t side : {20, 31, 300}) {
    const std::int64_t map = (side - 3) / 2 + 1;
    EngineOptions options;
    options.build_seconds = 0.0;
    const Engine engine =
        Engine::build(model.with_input_shapes({{"data", {2, 3, side, side}}}), options);
    EXPECT_EQ(engine.outputs()[0].dims, (Dims{1, 2, map * map * 4}));
    EXPECT_EQ(engine.outputs()[1].dims, (Dims{2, map * map * 8}));
    engine.create_context().run();
  }
}

}  // namespace
}  // namespace kissa
