#include "passes/pipeline.h"

#include "passes/pass_testing.h"

namespace kissa {
namespace {

// A bottleneck as ResNet has it, with the mean in the network and a dropout in front of the end.
Graph small_residual_network() {
  TestGraph net;
  ValueId x = net.input("data", {1, 3, 6, 6});
  x = net.add("mean", Bias(), {x});
  x = net.add("conv1", conv(4, 3), {x});
  x = net.add("bn1", BatchNorm(), {x}, "conv1");
  x = net.add("scale1", Scale{.has_bias = true}, {x}, "conv1");
  x = net.add("relu1", Relu(), {x}, "conv1");
  ValueId branch = net.add("conv2", conv(4, 3, 1), {x});
  branch = net.add("bn2", BatchNorm(), {branch}, "conv2");
  branch = net.add("scale2", Scale{.has_bias = true}, {branch}, "conv2");
  x = net.add("sum", Eltwise(), {x, branch});
  x = net.add("relu2", Relu(), {x}, "sum");
  x = net.add("drop", Identity(), {x}, "sum");
  x = net.add("ip", InnerProduct{.num_output = 5}, {x});
  return net.finish({net.add("prob", Softmax(), {x})});
}

TEST(PipelineTest, MakesOneNodeOfEachBlock) {
  const Graph before = small_residual_network();
  const PassesResult result = run_passes(before);
  EXPECT_EQ(result.graph.to_text(), R"(graph ''
input %0 data [1x3x6x6]
%3 conv1 [1x4x4x4] = convolution(%0) with %1 conv1.weight [4x3x3x3], %2 conv1.bias [4]: 4 x 3x3, stride 1x1; relu
%6 sum [1x4x4x4] = convolution(%3, %3) with %4 conv2.weight [4x4x3x3], %5 conv2.bias [4]: 4 x 3x3, stride 1x1, pad 1x1; + residual, relu
%9 ip [1x5] = inner_product(%6) with %7 ip.weight [5x64], %8 ip.bias [5]: 5 outputs
%10 prob [1x5] = softmax(%9)
output %10
)");
  EXPECT_EQ(result.graph.nodes()[1].layers, (Lines{"conv2", "bn2", "scale2", "sum", "relu2"}));
  expect_same_results(before, result.graph, kRounding);
}

TEST(PipelineTest, KeepsWhatIsFetched) {
  const Graph before = small_residual_network();
  const PassesResult result = run_passes(before, {.fetch = {"conv2", "prob", "data"}});
  const auto& outputs = result.graph.outputs();
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_EQ(outputs[1], result.graph.find_value("conv2"));
  EXPECT_EQ(outputs[2], result.graph.find_value("data"));
  EXPECT_EQ(result.graph.nodes()[2].op, Op(Eltwise()));
  expect_same_results(with_outputs(before, {"conv2", "data"}), result.graph, kRounding);
}

TEST(PipelineTest, SkipsPassesByName) {
  const Graph before = small_residual_network();
  PassOptions none;
  for (const Pass& pass : all_passes()) none.skip.emplace_back(pass.name);
  const PassesResult result = run_passes(before, none);
  EXPECT_EQ(result.graph.to_text(), before.to_text());
  for (const PassReport& report : result.reports) EXPECT_TRUE(report.is_skipped);
  EXPECT_EQ(run_passes(before, {.skip = {"fuse_residual"}}).graph.nodes().size(), 5u);
}

TEST(PipelineTest, NamesWhatWasMeant) {
  const auto text_of = [](const PassOptions& options) -> std::string {
    try {
      run_passes(small_residual_network(), options);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(text_of({.skip = {"fuse_residul"}}),
            "there is no pass 'fuse_residul'; did you mean 'fuse_residual'? (all: "
            "drop_no_ops, fold_constants, merge_duplicates, fold_affine_after, fold_affine_before, "
            "fuse_residual, fuse_activation)");
  EXPECT_EQ(text_of({.fetch = {"conv3"}}),
            "there is no blob 'conv3' in this network to fetch; did you mean 'conv1'?");
}

TEST(PipelineTest, ReportsWhatItDid) {
  PassesResult result = run_passes(small_residual_network(), {.skip = {"fold_affine_before"}});
  for (PassReport& report : result.reports) report.seconds = 0.001;
  EXPECT_EQ(to_text(result.reports), R"(drop_no_ops: 1 rewrite, 1.0 ms
  'drop' (identity) dropped
fold_constants: 0 rewrites, 1.0 ms
merge_duplicates: 0 rewrites, 1.0 ms
fold_affine_after: 2 rewrites, 1.0 ms
  'bn1', 'scale1' into 'conv1'
  'bn2', 'scale2' into 'conv2'
  not 'mean': no layer makes 'data'
fold_affine_before: switched off
fuse_residual: 1 rewrite, 1.0 ms
  'sum' into 'conv2'
fuse_activation: 2 rewrites, 1.0 ms
  'relu1' into 'conv1'
  'relu2' into 'conv2'
)");
}

TEST(PipelineTest, RunsTwiceToTheSameEnd) {
  const Graph once = run_passes(small_residual_network()).graph;
  EXPECT_EQ(run_passes(once).graph.to_text(), once.to_text());
}

TEST(PipelineTest, RunsWithoutWeights) {
  Graph before = small_residual_network();
  for (std::size_t i = 0; i < before.values().size(); ++i)
    if (before.values()[i].is_constant) before.set_data(static_cast<ValueId>(i), nullptr);
  const PassesResult result = run_passes(before);
  EXPECT_LT(result.graph.nodes().size(), before.nodes().size());
}

}  // namespace
}  // namespace kissa
