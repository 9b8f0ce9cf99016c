#include "import/caffe/layers.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "import/caffe/file_testing.h"

namespace kissa::caffe {
namespace {

// The graph of one layer on inputs of 2x4x6x8. `layer`: type, bottoms, tops and parameters.
Graph import_layer(const std::string& layer, const ImportOptions& options = {}) {
  const TempFile file("net.prototxt",
                      "input: 'a' input: 'b' input_shape { dim: [2, 4, 6, 8] }\n"
                      "input_shape { dim: [2, 4, 6, 8] }\nlayer { name: 'x' " +
                          layer + " }");
  return import_caffe(file.path(), "", options);
}

template <class T>
T op_of(const std::string& type, const std::string& params = "") {
  const Graph graph = import_layer("type: '" + type + "' bottom: 'a' top: 'y' " + params);
  return std::get<T>(graph.nodes().at(0).op);
}

std::string layer_error(const std::string& layer) {
  try {
    import_layer(layer);
  } catch (const Error& error) {
    const std::string text = error.what();
    return text.substr(text.find("): ") + 3);
  }
  return "no error";
}

std::string conv_error(const std::string& params) {
  return layer_error("type: 'Convolution' bottom: 'a' top: 'y' convolution_param { num_output: 2 " +
                     params + " }");
}

std::string pool_error(const std::string& params) {
  return layer_error("type: 'Pooling' bottom: 'a' top: 'y' pooling_param { " + params + " }");
}

using Extents = std::vector<std::int64_t>;
using Pair = std::array<std::int64_t, 2>;

TEST(CaffeLayersTest, Convolution) {
  auto op = op_of<Convolution>("Convolution",
                               "convolution_param { num_output: 8 kernel_size: 3 stride: 2 pad: 1\n"
                               "  dilation: 2 group: 4 bias_term: false }");
  EXPECT_EQ(op.num_output, 8);
  EXPECT_EQ(op.kernel, (Extents{3, 3}));
  EXPECT_EQ(op.stride, (Extents{2, 2}));
  EXPECT_EQ(op.pad, (Extents{1, 1}));
  EXPECT_EQ(op.dilation, (Extents{2, 2}));
  EXPECT_EQ(op.group, 4);
  EXPECT_FALSE(op.has_bias);

  op = op_of<Convolution>("Convolution",
                          "convolution_param { num_output: 8 kernel_h: 1 kernel_w: 3 stride_h: 2\n"
                          "  stride_w: 1 pad_w: 1 }");
  EXPECT_EQ(op.kernel, (Extents{1, 3}));
  EXPECT_EQ(op.stride, (Extents{2, 1}));
  EXPECT_EQ(op.pad, (Extents{0, 1}));
  EXPECT_TRUE(op.has_bias);

  op = op_of<Convolution>("Convolution",
                          "convolution_param { num_output: 8 kernel_size: [2, 3] axis: -3 }");
  EXPECT_EQ(op.kernel, (Extents{2, 3}));
  EXPECT_EQ(op.axis, 1);
  EXPECT_EQ(op_of<Convolution>("Convolution",
                               "convolution_param { num_output: 8 kernel_size: 5 axis: 2 }")
                .kernel,
            Extents{5});
}

TEST(CaffeLayersTest, ConvolutionRefusesContradictions) {
  EXPECT_EQ(conv_error(""), "kernel_size is missing");
  EXPECT_EQ(conv_error("kernel_size: [3, 3, 3]"),
            "kernel_size is given 3 times; give it once, or for each of 2 axes");
  EXPECT_EQ(conv_error("kernel_size: 3 kernel_h: 3 kernel_w: 3"),
            "has both kernel_size and kernel_h or kernel_w; only one form is allowed");
  EXPECT_EQ(conv_error("kernel_size: 3 stride: 1 stride_h: 1"),
            "has both stride and stride_h or stride_w; only one form is allowed");
  EXPECT_EQ(conv_error("kernel_h: 3 kernel_w: 3 axis: 2"),
            "kernel_h and kernel_w are for 2 spatial axes, but the input has 1");
  EXPECT_NE(conv_error("kernel_h: 3"), "no error");
  EXPECT_NE(conv_error("kernel_size: 0"), "no error");
  EXPECT_NE(conv_error("kernel_size: 4294967295"), "no error");
  EXPECT_NE(conv_error("kernel_size: 3 group: 0"), "no error");
}

TEST(CaffeLayersTest, ConvolutionOfSeveralBottomsSharesItsWeights) {
  const Graph graph = import_layer(
      "type: 'Convolution' bottom: 'a' bottom: 'b' top: 'p' top: 'q'\n"
      "convolution_param { num_output: 2 kernel_size: 3 }");
  ASSERT_EQ(graph.nodes().size(), 2u);
  EXPECT_EQ(graph.node(0).params, graph.node(1).params);
  EXPECT_NE(graph.node(0).inputs, graph.node(1).inputs);
  EXPECT_EQ(graph.node(1).name, "x[1]");
  EXPECT_EQ(graph.node(1).layers, std::vector<std::string>{"x"});
  EXPECT_EQ(layer_error("type: 'Convolution' bottom: 'a' bottom: 'b' top: 'p'\n"
                        "convolution_param { num_output: 2 kernel_size: 3 }"),
            "takes as many bottoms as it gives tops, not 2 and 1");
}

TEST(CaffeLayersTest, DeconvolutionAndIm2colReadConvolutionParam) {
  const auto deconv = op_of<Deconvolution>("Deconvolution",
                                           "convolution_param { num_output: 8 kernel_size: 4\n"
                                           "  stride: 2 pad: 1 group: 4 bias_term: false }");
  EXPECT_EQ(deconv.num_output, 8);
  EXPECT_EQ(deconv.kernel, (Extents{4, 4}));
  EXPECT_EQ(deconv.stride, (Extents{2, 2}));
  EXPECT_EQ(deconv.pad, (Extents{1, 1}));
  EXPECT_EQ(deconv.group, 4);
  EXPECT_FALSE(deconv.has_bias);
  const auto im2col = op_of<Im2col>("Im2col", "convolution_param { kernel_size: 3 dilation: 2 }");
  EXPECT_EQ(im2col.kernel, (Extents{3, 3}));
  EXPECT_EQ(im2col.dilation, (Extents{2, 2}));
}

TEST(CaffeLayersTest, SpatialPyramidIsPoolingsSideBySide) {
  const Graph graph =
      import_layer("type: 'SPP' bottom: 'a' top: 'y' spp_param { pyramid_height: 3 }");
  ASSERT_EQ(graph.nodes().size(), 7u);
  const auto& level = std::get<Pooling>(graph.node(4).op);
  EXPECT_EQ(graph.node(4).name, "x/pool2");
  // 6 x 8 into 4 x 4 windows.
  EXPECT_EQ(level.kernel, (Pair{2, 2}));
  EXPECT_EQ(level.pad, (Pair{1, 0}));
  EXPECT_EQ(graph.value(graph.find_value("y")).shape, Shape({2, 4 * (1 + 4 + 16)}));
  const Graph flat =
      import_layer("type: 'SPP' bottom: 'a' top: 'y' spp_param { pyramid_height: 1 }");
  EXPECT_EQ(flat.value(flat.find_value("y")).shape, Shape({2, 4, 1, 1}));
  EXPECT_EQ(layer_error("type: 'SPP' bottom: 'a' top: 'y'"), "pyramid_height 0 must be in 1 to 16");
}

TEST(CaffeLayersTest, Pooling) {
  Pooling op = op_of<Pooling>("Pooling", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }");
  EXPECT_EQ(op.method, kissa::PoolMethod::kMax);
  EXPECT_EQ(op.kernel, (Pair{3, 3}));
  EXPECT_EQ(op.stride, (Pair{2, 2}));
  EXPECT_EQ(op.pad, (Pair{1, 1}));
  EXPECT_EQ(op.round_mode, RoundMode::kCeil);
  EXPECT_FALSE(op.with_mask);
  op = op_of<Pooling>("Pooling", "pooling_param { pool: AVE kernel_h: 2 kernel_w: 3 }");
  EXPECT_EQ(op.method, kissa::PoolMethod::kAverage);
  EXPECT_EQ(op.kernel, (Pair{2, 3}));
  EXPECT_EQ(op.stride, (Pair{1, 1}));
  EXPECT_TRUE(op_of<Pooling>("Pooling", "pooling_param { global_pooling: true }").global);
  const Graph masked = import_layer(
      "type: 'Pooling' bottom: 'a' top: 'y' top: 'mask' pooling_param { kernel_size: 2 }");
  EXPECT_TRUE(std::get<Pooling>(masked.node(0).op).with_mask);
}

TEST(CaffeLayersTest, PoolingRoundsAsTheFileSays) {
  const auto round_mode = [](const std::string& param) {
    return op_of<Pooling>("Pooling", "pooling_param { kernel_size: 2 " + param + " }").round_mode;
  };
  EXPECT_EQ(round_mode("round_mode: FLOOR"), RoundMode::kFloor);
  EXPECT_EQ(round_mode("ceil_mode: false"), RoundMode::kFloor);
  EXPECT_EQ(round_mode("ceil_mode: true"), RoundMode::kCeil);
}

TEST(CaffeLayersTest, PoolingRefusesContradictions) {
  EXPECT_EQ(pool_error(""), "kernel_size is missing");
  EXPECT_EQ(pool_error("kernel_size: 2 kernel_h: 2 kernel_w: 2"),
            "has both kernel_size and kernel_h or kernel_w; only one form is allowed");
  EXPECT_EQ(pool_error("kernel_h: 2"), "kernel_h and kernel_w go together");
  EXPECT_EQ(pool_error("global_pooling: true kernel_size: 2"),
            "global pooling takes the whole plane, so no kernel size");
  EXPECT_EQ(layer_error("type: 'Pooling' bottom: 'a' top: 'y' top: 'm' pooling_param { pool: AVE\n"
                        "  kernel_size: 2 }"),
            "only MAX pooling has a second top (the mask)");
  EXPECT_NE(pool_error("kernel_size: 2 pad: 2"), "no error");
  EXPECT_NE(pool_error("global_pooling: true stride: 2"), "no error");
}

TEST(CaffeLayersTest, ElementwiseParameters) {
  EXPECT_EQ(op_of<Relu>("ReLU", "relu_param { negative_slope: 0.5 }").negative_slope, 0.5f);
  EXPECT_EQ(op_of<Elu>("ELU", "elu_param { alpha: 0.5 }").alpha, 0.5f);
  EXPECT_EQ(op_of<Swish>("Swish", "swish_param { beta: 2 }").beta, 2.0f);
  EXPECT_EQ(op_of<Threshold>("Threshold", "threshold_param { threshold: 2 }").threshold, 2.0f);
  const auto power = op_of<Power>("Power", "power_param { power: 2 scale: 3 shift: 4 }");
  EXPECT_EQ(power.power, 2.0f);
  EXPECT_EQ(power.scale, 3.0f);
  EXPECT_EQ(power.shift, 4.0f);
  const auto exp = op_of<Exp>("Exp", "exp_param { base: 2 scale: 3 shift: 4 }");
  EXPECT_EQ(exp.base, 2.0f);
  EXPECT_EQ(exp.scale, 3.0f);
  EXPECT_EQ(exp.shift, 4.0f);
  const auto log = op_of<Log>("Log", "log_param { base: 2 scale: 3 shift: 4 }");
  EXPECT_EQ(log.base, 2.0f);
  EXPECT_EQ(log.scale, 3.0f);
  EXPECT_EQ(log.shift, 4.0f);
  const auto clip = op_of<Clip>("Clip", "clip_param { min: -1 max: 2 }");
  EXPECT_EQ(clip.min, -1.0f);
  EXPECT_EQ(clip.max, 2.0f);
  EXPECT_EQ(layer_error("type: 'Clip' bottom: 'a' top: 'y' clip_param { min: 1 }"),
            "clip_param needs both min and max");
  EXPECT_TRUE(op_of<PRelu>("PReLU", "prelu_param { channel_shared: true }").channel_shared);
  op_of<AbsVal>("AbsVal");
  op_of<Bnll>("BNLL");
  op_of<Sigmoid>("Sigmoid");
  op_of<TanH>("TanH");
}

TEST(CaffeLayersTest, Eltwise) {
  const auto eltwise = [](const std::string& param) {
    const Graph graph = import_layer("type: 'Eltwise' bottom: 'a' bottom: 'b' top: 'y' " + param);
    return std::get<Eltwise>(graph.node(0).op);
  };
  EXPECT_EQ(eltwise("").method, EltwiseMethod::kSum);
  EXPECT_EQ(eltwise("eltwise_param { operation: PROD }").method, EltwiseMethod::kProduct);
  EXPECT_EQ(eltwise("eltwise_param { operation: MAX }").method, EltwiseMethod::kMax);
  EXPECT_EQ(eltwise("eltwise_param { coeff: [1, -1] }").coeffs, (std::vector<float>{1, -1}));
  EXPECT_NE(
      layer_error("type: 'Eltwise' bottom: 'a' bottom: 'b' top: 'y' eltwise_param { coeff: 1 }"),
      "no error");
}

TEST(CaffeLayersTest, Normalization) {
  const auto lrn = op_of<Lrn>("LRN",
                              "lrn_param { local_size: 3 alpha: 2 beta: 0.5 k: 4\n"
                              "  norm_region: WITHIN_CHANNEL }");
  EXPECT_EQ(lrn.size, 3);
  EXPECT_EQ(lrn.alpha, 2.0f);
  EXPECT_EQ(lrn.beta, 0.5f);
  EXPECT_EQ(lrn.k, 4.0f);
  EXPECT_EQ(lrn.region, LrnRegion::kWithinChannel);
  EXPECT_EQ(op_of<Lrn>("LRN").region, LrnRegion::kAcrossChannels);
  const auto scale = op_of<Scale>("Scale", "scale_param { axis: 2 num_axes: -1 bias_term: true }");
  EXPECT_EQ(scale.axis, 2);
  EXPECT_EQ(scale.num_axes, -1);
  EXPECT_TRUE(scale.has_bias);
  const auto bias = op_of<Bias>("Bias", "bias_param { axis: 0 num_axes: 2 }");
  EXPECT_EQ(bias.axis, 0);
  EXPECT_EQ(bias.num_axes, 2);
  EXPECT_EQ(op_of<Softmax>("Softmax", "softmax_param { axis: 2 }").axis, 2);
}

TEST(CaffeLayersTest, BatchNormTakesItsStatisticsByPhase) {
  const std::string layer = "type: 'BatchNorm' bottom: 'a' top: 'y' ";
  ImportOptions training;
  training.train_phase = true;
  const auto uses_global = [&](const std::string& params, const ImportOptions& options) {
    return std::get<BatchNorm>(import_layer(layer + params, options).node(0).op).use_global_stats;
  };
  EXPECT_TRUE(uses_global("", {}));
  EXPECT_FALSE(uses_global("", training));
  EXPECT_FALSE(uses_global("phase: TRAIN", {}));
  EXPECT_TRUE(uses_global("batch_norm_param { use_global_stats: true }", training));
  EXPECT_FALSE(uses_global("batch_norm_param { use_global_stats: false }", {}));
  EXPECT_EQ(op_of<BatchNorm>("BatchNorm", "batch_norm_param { eps: 0.5 }").eps, 0.5f);
}

TEST(CaffeLayersTest, InnerProduct) {
  const auto op = op_of<InnerProduct>("InnerProduct",
                                      "inner_product_param { num_output: 5 axis: 2\n"
                                      "  transpose: true bias_term: false }");
  EXPECT_EQ(op.num_output, 5);
  EXPECT_EQ(op.axis, 2);
  EXPECT_TRUE(op.transpose);
  EXPECT_FALSE(op.has_bias);
  EXPECT_NE(layer_error("type: 'InnerProduct' bottom: 'a' top: 'y'"), "no error");
}

TEST(CaffeLayersTest, EmbedAndRecurrentLayers) {
  const auto embed =
      op_of<Embed>("Embed", "embed_param { num_output: 5 input_dim: 9 bias_term: false }");
  EXPECT_EQ(embed.num_output, 5);
  EXPECT_EQ(embed.input_dim, 9);
  EXPECT_FALSE(embed.has_bias);
  const auto import_recurrent = [](const std::string& type, const std::string& param) {
    const TempFile file("net.prototxt",
                        "input: 'x' input: 'cont' input_shape { dim: [5, 2, 3] }\n"
                        "input_shape { dim: [5, 2] }\n"
                        "layer { name: 'r' type: '" +
                            type + "' bottom: 'x' bottom: 'cont' top: 'h' recurrent_param { " +
                            param + " } }");
    return import_caffe(file.path(), "", {});
  };
  const Graph lstm = import_recurrent("LSTM", "num_output: 4");
  EXPECT_EQ(std::get<Lstm>(lstm.node(0).op).num_output, 4);
  EXPECT_EQ(lstm.value(lstm.node(0).params.at(0)).name, "r.weight_x");
  EXPECT_EQ(lstm.value(lstm.node(0).params.at(0)).shape, Shape({16, 3}));
  EXPECT_EQ(std::get<Rnn>(import_recurrent("RNN", "num_output: 4").node(0).op).num_output, 4);
  EXPECT_THROW(import_recurrent("LSTM", "num_output: 4 expose_hidden: true"), Error);
}

TEST(CaffeLayersTest, ReductionAndMvn) {
  const auto reduction =
      op_of<Reduction>("Reduction", "reduction_param { operation: MEAN axis: 2 coeff: 0.5 }");
  EXPECT_EQ(reduction.method, ReductionMethod::kMean);
  EXPECT_EQ(reduction.axis, 2);
  EXPECT_EQ(reduction.coefficient, 0.5f);
  EXPECT_EQ(op_of<Reduction>("Reduction", "reduction_param { operation: ASUM }").method,
            ReductionMethod::kSumAbs);
  EXPECT_EQ(op_of<Reduction>("Reduction", "reduction_param { operation: SUMSQ }").method,
            ReductionMethod::kSumSquares);
  EXPECT_EQ(op_of<Reduction>("Reduction").method, ReductionMethod::kSum);
  const auto mvn =
      op_of<Mvn>("MVN", "mvn_param { normalize_variance: false across_channels: true eps: 0.5 }");
  EXPECT_FALSE(mvn.normalize_variance);
  EXPECT_TRUE(mvn.across_channels);
  EXPECT_EQ(mvn.eps, 0.5f);
}

TEST(CaffeLayersTest, ArgMax) {
  EXPECT_FALSE(op_of<ArgMax>("ArgMax").axis);
  const auto op = op_of<ArgMax>("ArgMax", "argmax_param { axis: 1 top_k: 2 out_max_val: true }");
  EXPECT_EQ(op.axis, 1);
  EXPECT_EQ(op.top_k, 2);
  EXPECT_TRUE(op.out_max_val);
}

TEST(CaffeLayersTest, ParameterIsALearnedInput) {
  const Graph graph = import_layer(
      "type: 'Parameter' top: 'p' parameter_param { shape { dim: [2, 4, 6, 8] } } }\n"
      "layer { name: 'sum' type: 'Eltwise' bottom: 'a' bottom: 'p' top: 'y'");
  const Value& value = graph.value(graph.node(0).inputs.at(1));
  EXPECT_TRUE(value.is_constant);
  EXPECT_EQ(value.name, "x.weight");
}

TEST(CaffeLayersTest, ConcatAndSliceKnowTheOldNameOfAxis) {
  EXPECT_EQ(op_of<Concat>("Concat", "concat_param { axis: -1 }").axis, -1);
  EXPECT_EQ(op_of<Concat>("Concat", "concat_param { concat_dim: 2 }").axis, 2);
  EXPECT_EQ(
      layer_error("type: 'Concat' bottom: 'a' top: 'y' concat_param { axis: 1 concat_dim: 1 }"),
      "has both axis and concat_dim; only one is allowed");
  EXPECT_EQ(
      layer_error("type: 'Concat' bottom: 'a' top: 'y' concat_param { concat_dim: 4294967295 }"),
      "concat_dim 4294967295 is out of range");
  const Graph graph = import_layer(
      "type: 'Slice' bottom: 'a' top: 'p' top: 'q' slice_param { slice_dim: 3 slice_point: 3 }");
  EXPECT_EQ(graph.value(graph.node(0).outputs.at(1)).shape, Shape({2, 4, 6, 5}));
}

TEST(CaffeLayersTest, Shapes) {
  const auto flatten = op_of<Flatten>("Flatten", "flatten_param { axis: 2 end_axis: 3 }");
  EXPECT_EQ(flatten.axis, 2);
  EXPECT_EQ(flatten.end_axis, 3);
  const auto reshape =
      op_of<Reshape>("Reshape", "reshape_param { shape { dim: [0, -1] } axis: 1 num_axes: 2 }");
  EXPECT_EQ(reshape.dims, (Extents{0, -1}));
  EXPECT_EQ(reshape.axis, 1);
  EXPECT_EQ(reshape.num_axes, 2);
  const auto tile = op_of<Tile>("Tile", "tile_param { axis: 2 tiles: 3 }");
  EXPECT_EQ(tile.axis, 2);
  EXPECT_EQ(tile.tiles, 3);
  const Graph cropped = import_layer(
      "type: 'Crop' bottom: 'a' bottom: 'b' top: 'y' crop_param { axis: 1 offset: 0 }");
  EXPECT_EQ(std::get<Crop>(cropped.node(0).op).axis, 1);
  EXPECT_EQ(std::get<Crop>(cropped.node(0).op).offsets, Extents{0});
  op_of<Identity>("Dropout");
  const Graph split = import_layer("type: 'Split' bottom: 'a' top: 'p' top: 'q'");
  ASSERT_EQ(split.nodes().size(), 2u);
  EXPECT_EQ(split.node(0).inputs, split.node(1).inputs);
}

}  // namespace
}  // namespace kissa::caffe
