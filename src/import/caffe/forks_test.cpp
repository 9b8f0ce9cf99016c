// Layers of forks, losses, and what only works up results.
#include <gtest/gtest.h>

#include "base/error.h"
#include "import/caffe/file_testing.h"
#include "import/caffe/import.h"
#include "ir/evaluate.h"

namespace kissa::caffe {
namespace {

using Extents = std::vector<std::int64_t>;
using Floats = std::vector<float>;

// The graph of one layer on inputs a of 2x4x6x8 and b of 2.
Graph import_fork(const std::string& layer, const std::string& b = "2") {
  return import_text(
      "input: 'a' input: 'b' input_shape { dim: [2, 4, 6, 8] } input_shape { dim: [" + b +
      "] }\nlayer { name: 'x' " + layer + " }");
}

template <class T>
T fork_op(const std::string& type, const std::string& params = "",
          const std::string& bottoms = "bottom: 'a'") {
  const Graph graph = import_fork("type: '" + type + "' " + bottoms + " top: 'y' " + params);
  return std::get<T>(graph.nodes().back().op);
}

std::string fork_error(const std::string& layer) {
  try {
    import_fork(layer);
  } catch (const Error& error) {
    const std::string text = error.what();
    return text.substr(text.find("): ") + 3);
  }
  return "no error";
}

Shape shape_of(const Graph& graph, const char* name) {
  return graph.value(graph.find_value(name)).shape;
}

TEST(CaffeForksTest, LossesReadTheirNormalization) {
  const auto loss = [](const std::string& param) {
    const Graph graph = import_text(
        "input: 'a' input: 'l' input_shape { dim: [2, 3] } input_shape { dim: 2 }\n"
        "layer { name: 'x' type: 'SoftmaxWithLoss' bottom: 'a' bottom: 'l' top: 'y' loss_param { " +
        param + " } }");
    return std::get<SoftmaxLoss>(graph.node(0).op);
  };
  using To = kissa::LossNormalization;
  EXPECT_EQ(loss("").normalization, To::kValid);
  EXPECT_EQ(loss("normalize: false").normalization, To::kBatchSize);
  EXPECT_EQ(loss("normalize: false normalization: FULL").normalization, To::kFull);
  EXPECT_EQ(loss("normalization: NONE").normalization, To::kNone);
  EXPECT_EQ(loss("ignore_label: 255").ignore_label, 255);
  EXPECT_FALSE(loss("").with_softmax);
}

TEST(CaffeForksTest, ALossWithoutATopIsLeftOut) {
  const Graph graph = import_text(
      "input: 'a' input: 'l' input_shape { dim: [2, 3] } input_shape { dim: [2, 3] }\n"
      "layer { name: 'r' type: 'ReLU' bottom: 'a' top: 'r' }\n"
      "layer { name: 'x' type: 'EuclideanLoss' bottom: 'a' bottom: 'l' }");
  EXPECT_EQ(graph.nodes().size(), 1u);
}

TEST(CaffeForksTest, SsdLayers) {
  EXPECT_EQ(fork_op<Permute>("Permute", "permute_param { order: [0, 2, 3, 1] }").order,
            (Extents{0, 2, 3, 1}));
  const auto normalize = fork_op<Normalize>(
      "Normalize", "norm_param { across_spatial: false channel_shared: false eps: 0.5 }");
  EXPECT_FALSE(normalize.across_spatial);
  EXPECT_FALSE(normalize.channel_shared);
  EXPECT_EQ(normalize.eps, 0.5f);
  const auto prior = fork_op<PriorBox>(
      "PriorBox",
      "prior_box_param { min_size: 30 max_size: 60 aspect_ratio: [2, 3] flip: false clip: true\n"
      "  variance: [0.1, 0.1, 0.2, 0.2] step: 8 offset: 0.25 img_h: 10 img_w: 20 }",
      "bottom: 'a' bottom: 'a'");
  EXPECT_EQ(prior.min_sizes, Floats{30});
  EXPECT_EQ(prior.aspect_ratios, (Floats{2, 3}));
  EXPECT_FALSE(prior.flip);
  EXPECT_TRUE(prior.clip);
  EXPECT_EQ(prior.step, (Floats{8, 8}));
  EXPECT_EQ(prior.image, (std::array<std::int64_t, 2>{10, 20}));
  EXPECT_NE(
      fork_error("type: 'PriorBox' bottom: 'a' bottom: 'a' top: 'y' prior_box_param { min_size: "
                 "3 step: 8 step_h: 8 step_w: 8 }")
          .find("both step and step_h"),
      std::string::npos);
}

TEST(CaffeForksTest, DetectionsComeWithTheirCount) {
  const Graph graph = import_text(
      "input: 'l' input: 'c' input: 'p' input_shape { dim: [1, 8] } input_shape { dim: [1, 4] }\n"
      "input_shape { dim: [1, 2, 8] }\n"
      "layer { name: 'out' type: 'DetectionOutput' bottom: 'l' bottom: 'c' bottom: 'p' top: 'out'\n"
      "  detection_output_param { num_classes: 2 keep_top_k: 1 code_type: CENTER_SIZE\n"
      "    nms_param { nms_threshold: 0.45 top_k: 400 eta: 0.9 } confidence_threshold: 0.01 } }");
  const auto& op = std::get<DetectionOutput>(graph.node(0).op);
  EXPECT_EQ(op.code, BoxCode::kCenterSize);
  EXPECT_EQ(op.nms_top_k, 400);
  EXPECT_EQ(op.nms_eta, 0.9f);
  EXPECT_EQ(op.confidence_threshold, 0.01f);
  EXPECT_EQ(graph.outputs().size(), 1u);
  EXPECT_EQ(shape_of(graph, "out"), Shape({1, 1, 1, 7}));
  EXPECT_EQ(shape_of(graph, "out.count"), Shape());
}

TEST(CaffeForksTest, ProposalsOfPythonAreKnown) {
  const auto proposal = [](const std::string& params) {
    const Graph graph = import_text(
        "input: 's' input: 'b' input: 'i' input_shape { dim: [1, 36, 3, 5] }\n"
        "input_shape { dim: [1, 72, 3, 5] } input_shape { dim: [1, 3] }\n"
        "layer { name: 'p' bottom: 's' bottom: 'b' bottom: 'i' top: 'rois' " +
        params + " }");
    return std::get<Proposal>(graph.node(0).op);
  };
  const auto python = proposal(
      "type: 'Python' python_param { module: 'rpn.proposal_layer' layer: 'ProposalLayer'\n"
      "param_str: \"{'feat_stride': 8, 'ratios': [0.5, 1, 2], 'scales': [1, 2, 4, 8, 16, 32]}\" }");
  EXPECT_EQ(python.feat_stride, 8);
  EXPECT_EQ(python.ratios, (Floats{0.5f, 1, 2}));
  EXPECT_EQ(python.scales, (Floats{1, 2, 4, 8, 16, 32}));
  EXPECT_EQ(python.post_nms_top_n, 300);
  const auto own = proposal(
      "type: 'Proposal' proposal_param { ratio: [0.5, 1, 2] scale: [1, 2, 3, 4, 5, 6]\n"
      "  post_nms_topn: 20 nms_thresh: 0.5 }");
  EXPECT_EQ(own.post_nms_top_n, 20);
  EXPECT_EQ(own.nms_threshold, 0.5f);
}

TEST(CaffeForksTest, OtherPythonIsRefusedOrLeftOut) {
  const std::string python =
      "type: 'Python' bottom: 'a' top: 'y' python_param { module: 'm' layer: 'L' }";
  const Graph graph = import_fork(python);
  EXPECT_TRUE(graph.nodes().empty());
  EXPECT_NE(fork_error(python + " }\nlayer { name: 'r' type: 'ReLU' bottom: 'y' top: 'z'")
                .find("is the Python class m.L, which Kissa cannot run"),
            std::string::npos);
}

TEST(CaffeForksTest, WhatWorksUpResultsIsLeftOut) {
  const Graph graph = import_fork(
      "type: 'TanH' bottom: 'a' top: 't' }\n"
      "layer { name: 'y' type: 'Yolov3DetectionOutput' bottom: 't' top: 'boxes'\n"
      "  yolov3_detection_output_param { biases: 4 } ");
  ASSERT_EQ(graph.outputs().size(), 2u);
  EXPECT_EQ(graph.value(graph.outputs()[1]).name, "t");
}

TEST(CaffeForksTest, PlainOps) {
  EXPECT_EQ(fork_op<ShuffleChannel>("ShuffleChannel", "shuffle_channel_param { group: 2 }").group,
            2);
  EXPECT_EQ(fork_op<Reorg>("Reorg", "reorg_param { stride: 2 }").stride, 2);
  EXPECT_EQ(
      fork_op<CropCenter>("CropCenter", "crop_center_param { crop_size: [0, 0, 1, 2] }").margins,
      (Extents{0, 0, 1, 2}));
  EXPECT_EQ(fork_op<Permute>("Transpose", "transpose_param { dim: [3, 2, 0, 1] }").order,
            (Extents{3, 2, 0, 1}));
  EXPECT_EQ(fork_op<Reverse>("Reverse", "reverse_param { axis: 2 }").axis, 2);
  EXPECT_EQ(fork_op<Clip>("ReLU6").max, 6.0f);
}

TEST(CaffeForksTest, RegionsArePooled) {
  const auto pooled = [](const std::string& layer) {
    return import_text(
        "input: 'a' input: 'r' input_shape { dim: [1, 18, 6, 8] }\n"
        "input_shape { dim: [3, 5] }\n"
        "layer { name: 'x' bottom: 'a' bottom: 'r' top: 'y' " +
        layer + " }");
  };
  EXPECT_EQ(
      shape_of(pooled("type: 'ROIPooling' roi_pooling_param { pooled_h: 7 pooled_w: 6 }"), "y"),
      Shape({3, 18, 7, 6}));
  EXPECT_EQ(
      shape_of(pooled("type: 'PSROIPooling' psroi_pooling_param { output_dim: 2 group_size: 3\n"
                      "  spatial_scale: 0.0625 }"),
               "y"),
      Shape({3, 2, 3, 3}));
}

TEST(CaffeForksTest, DepthwiseConvolutionHasAGroupAChannel) {
  for (const char* type : {"ConvolutionDepthwise", "DepthwiseConvolution"}) {
    const auto op =
        fork_op<Convolution>(type, "convolution_param { num_output: 4 kernel_size: 3 }");
    EXPECT_EQ(op.group, 4);
  }
}

TEST(CaffeForksTest, InterpAndUpsample) {
  const auto size = fork_op<Interp>("Interp", "interp_param { height: 9 width: 7 }");
  EXPECT_EQ(size.size, (std::array<std::int64_t, 2>{9, 7}));
  EXPECT_EQ(fork_op<Interp>("Interp", "interp_param { zoom_factor: 8 pad_beg: -1 }").zoom, 8);
  EXPECT_NE(fork_error("type: 'Interp' bottom: 'a' top: 'y'"), "no error");
  EXPECT_EQ(fork_op<Upsample>("Upsample", "upsample_param { scale: 3 }").scale, 3);
  const auto unpool = fork_op<Unpool>("Upsample", "upsample_param { scale: 2 pad_out_h: true }",
                                      "bottom: 'a' bottom: 'a'");
  EXPECT_EQ(unpool.cut, (std::array<std::int64_t, 2>{1, 0}));
}

TEST(CaffeForksTest, AxpyMultipliesChannelsAndAdds) {
  const Graph graph = import_text(
      "input: 's' input: 'x' input: 'y' input_shape { dim: [1, 2, 1, 1] }\n"
      "input_shape { dim: [1, 2, 1, 2] } input_shape { dim: [1, 2, 1, 2] }\n"
      "layer { name: 'a' type: 'Axpy' bottom: 's' bottom: 'x' bottom: 'y' top: 'z' }");
  EXPECT_EQ(evaluate(graph, {{2, 3}, {1, 2, 3, 4}, {10, 20, 30, 40}})[0], (Floats{12, 24, 39, 52}));
}

// A caffemodel of one layer 'x' with blobs of 1xNx1x1.
std::string model_of(const std::vector<Floats>& blobs) {
  NetParameter net;
  LayerParameter& layer = *net.add_layer();
  layer.set_name("x");
  for (const Floats& blob : blobs)
    *layer.add_blobs() = make_blob({1, static_cast<std::int64_t>(blob.size()), 1, 1}, blob);
  return net.SerializeAsString();
}

TEST(CaffeForksTest, BnOfSegNetAndOfPspNet) {
  const std::string input =
      "input: 'a' input_shape { dim: [1, 2, 1, 1] }\nlayer { name: 'x' "
      "type: 'BN' bottom: 'a' top: 'y' ";
  const TempFile segnet("a.caffemodel", model_of({{2, 3}, {1, -1}}));
  const Graph plain = import_text(input + "bn_param { bn_mode: INFERENCE } }", {}, segnet.path());
  EXPECT_EQ(evaluate(plain, {{10, 10}})[0], (Floats{21, 29}));
  EXPECT_THROW(import_text(input + "bn_param { bn_mode: LEARN } }"), Error);
  const TempFile pspnet("b.caffemodel", model_of({{2, 3}, {1, -1}, {10, 9}, {3, 0}}));
  const Graph full = import_text(input + "bn_param { frozen: true eps: 1 } }", {}, pspnet.path());
  EXPECT_EQ(evaluate(full, {{12, 11}})[0], (Floats{3, 5}));
}

TEST(CaffeForksTest, BatchNormOfNvCaffeScales) {
  const TempFile model("a.caffemodel", model_of({{10, 9}, {3, 0}, {1}, {2, 3}, {1, -1}}));
  const Graph graph = import_text(
      "input: 'a' input_shape { dim: [1, 2, 1, 1] }\nlayer { name: 'x' type: 'BatchNorm'\n"
      "bottom: 'a' top: 'y' batch_norm_param { eps: 1 scale_bias: true } }",
      {}, model.path());
  EXPECT_EQ(evaluate(graph, {{12, 11}})[0], (Floats{3, 5}));
}

TEST(CaffeForksTest, DenseBlockGrows) {
  ImportOptions options;
  options.random_seed = 1;
  for (const bool narrow : {false, true}) {
    const Graph graph = import_text(
        "input: 'a' input_shape { dim: [2, 5, 6, 7] }\nlayer { name: 'x' type: 'DenseBlock'\n"
        "bottom: 'a' top: 'y' denseblock_param { numTransition: 3 growthRate: 4 use_BC: " +
            std::string(narrow ? "true" : "false") + " } }",
        options);
    EXPECT_EQ(shape_of(graph, "y"), Shape({2, 5 + 3 * 4, 6, 7}));
    EXPECT_EQ(graph.nodes().size(), narrow ? 27u : 15u);
  }
}

TEST(CaffeForksTest, LstmOfTheOtherFork) {
  const Graph flat = import_text(
      "input: 'a' input: 'c' input_shape { dim: [6, 3] } input_shape { dim: [6, 1] }\n"
      "layer { name: 'x' type: 'Lstm' bottom: 'a' bottom: 'c' top: 'y'\n"
      "  lstm_param { num_output: 5 batch_size: 2 } }");
  EXPECT_EQ(shape_of(flat, "y"), Shape({6, 5}));
  const Graph steps = import_text(
      "input: 'a' input_shape { dim: [4, 2, 3] }\n"
      "layer { name: 'x' type: 'Lstm' bottom: 'a' top: 'y' lstm_param { num_output: 5 } }");
  EXPECT_EQ(shape_of(steps, "y"), Shape({4, 2, 5}));
  EXPECT_EQ(steps.value(steps.node(0).params.at(2)).name, "x.weight_h");
}

TEST(CaffeForksTest, DropoutThatScalesAtTestTime) {
  fork_op<Identity>("Dropout", "dropout_param { dropout_ratio: 0.25 }");
  EXPECT_EQ(
      fork_op<Power>("Dropout", "dropout_param { dropout_ratio: 0.25 scale_train: false }").scale,
      0.75f);
}

TEST(CaffeForksTest, FieldsOfNvCaffeAreRead) {
  EXPECT_NO_THROW(
      import_text("default_forward_type: FLOAT16 input: 'a' input_shape { dim: 1 }\n"
                  "layer { name: 'r' type: 'ReLU' bottom: 'a' top: 'r' forward_math: FLOAT }"));
}

}  // namespace
}  // namespace kissa::caffe
