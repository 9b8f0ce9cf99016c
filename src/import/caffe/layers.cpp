#include "import/caffe/layers.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/near_match.h"

namespace kissa::caffe {
namespace {

constexpr Count kNone0 = {0, 0}, kOne = {1, 1}, kOneOrTwo = {1, 2}, kSome = {1, kAny};

constexpr LayerType kLayerTypes[] = {
    {"AbsVal", kOne, kOne, import_absval},
    {"ArgMax", kOne, kOne, import_argmax},
    {"BNLL", kOne, kOne, import_bnll},
    {"BatchNorm", kOne, kOne, import_batch_norm},
    {"BatchReindex", {2, 2}, kOne, import_batch_reindex},
    {"Bias", kOneOrTwo, kOne, import_bias},
    {"Clip", kOne, kOne, import_clip},
    {"Concat", kSome, kOne, import_concat},
    {"Convolution", kSome, kSome, import_convolution},
    {"Crop", {2, 2}, kOne, import_crop},
    {"Data", kNone0, kOneOrTwo, import_data},
    {"Deconvolution", kSome, kSome, import_deconvolution},
    {"Dropout", kOne, kOne, import_dropout},
    {"DummyData", kNone0, kSome, import_dummy_data},
    {"ELU", kOne, kOne, import_elu},
    {"Eltwise", {2, kAny}, kOne, import_eltwise},
    {"Embed", kOne, kOne, import_embed},
    {"Exp", kOne, kOne, import_exp},
    {"Flatten", kOne, kOne, import_flatten},
    {"HDF5Data", kNone0, kSome, import_hdf5_data},
    {"Im2col", kOne, kOne, import_im2col},
    {"ImageData", kNone0, kOneOrTwo, import_image_data},
    {"InnerProduct", kOne, kOne, import_inner_product},
    {"Input", kNone0, kSome, import_input},
    {"LRN", kOne, kOne, import_lrn},
    {"LSTM", {2, 5}, {1, 3}, import_lstm},
    {"Log", kOne, kOne, import_log},
    {"MVN", kOne, kOne, import_mvn},
    {"MemoryData", kNone0, {2, 2}, import_memory_data},
    {"PReLU", kOne, kOne, import_prelu},
    {"Parameter", kNone0, kOne, import_parameter},
    {"Pooling", kOne, kOneOrTwo, import_pooling},
    {"Power", kOne, kOne, import_power},
    {"RNN", {2, 4}, kOneOrTwo, import_rnn},
    {"ReLU", kOne, kOne, import_relu},
    {"Reduction", kOne, kOne, import_reduction},
    {"Reshape", kOne, kOne, import_reshape},
    {"SPP", kOne, kOne, import_spp},
    {"Scale", kOneOrTwo, kOne, import_scale},
    {"Sigmoid", kOne, kOne, import_sigmoid},
    {"Silence", kSome, kNone0, import_silence},
    {"Slice", kOne, kSome, import_slice},
    {"Softmax", kOne, kOne, import_softmax},
    {"Split", kOne, kSome, import_split},
    {"Swish", kOne, kOne, import_swish},
    {"TanH", kOne, kOne, import_tanh},
    {"Threshold", kOne, kOne, import_threshold},
    {"Tile", kOne, kOne, import_tile},
    {"WindowData", kNone0, {2, 2}, import_window_data},
};

// Types of BVLC Caffe and of well-known forks that are not in the table.
constexpr std::string_view kUnsupportedTypes[] = {
    "Accuracy",
    "AnnotatedData",
    "Axpy",
    "BN",
    "CTCGreedyDecoder",
    "ContinuationIndicator",
    "ContrastiveLoss",
    "ConvolutionDepthwise",
    "CropCenter",
    "DenseBlock",
    "DenseImageData",
    "DepthwiseConvolution",
    "DetectNetTransformation",
    "DetectionEvaluate",
    "DetectionOutput",
    "EuclideanLoss",
    "Filter",
    "HDF5Output",
    "HingeLoss",
    "InfogainLoss",
    "Interp",
    "L1Loss",
    "LSTMUnit",
    "MarginInnerProduct",
    "MultiBoxLoss",
    "MultinomialLogisticLoss",
    "Normalize",
    "PSROIPooling",
    "Permute",
    "PriorBox",
    "Proposal",
    "Python",
    "ROIAlign",
    "ROIPooling",
    "RPROI",
    "ReLU6",
    "Reorg",
    "Reverse",
    "ShuffleChannel",
    "SigmoidCrossEntropyLoss",
    "SmoothL1Loss",
    "SoftmaxWithLoss",
    "Transpose",
    "Upsample",
    "VideoData",
    "YoloDetectionOutput",
    "Yolov3DetectionOutput",
};

std::vector<std::string_view> all_names() {
  std::vector<std::string_view> names(std::begin(kUnsupportedTypes), std::end(kUnsupportedTypes));
  for (const LayerType& type : kLayerTypes) names.push_back(type.name);
  return names;
}

void check_count(const Count& allowed, int count, std::string_view verb, std::string_view what) {
  if (count >= allowed.min && count <= allowed.max) return;
  const std::string range = allowed.min == allowed.max ? std::to_string(allowed.min)
                            : allowed.max == kAny
                                ? fmt::format("{} or more", allowed.min)
                                : fmt::format("{} to {}", allowed.min, allowed.max);
  fail(ErrorCode::kInvalidModel, "{} {} {}{}, not {}", verb, range, what, range == "1" ? "" : "s",
       count);
}

}  // namespace

const LayerType* find_layer_type(const std::string& name) {
  const auto* type = std::find_if(std::begin(kLayerTypes), std::end(kLayerTypes),
                                  [&](const LayerType& t) { return t.name == name; });
  if (type != std::end(kLayerTypes)) return type;
  const auto* end = std::end(kUnsupportedTypes);
  if (std::find(std::begin(kUnsupportedTypes), end, name) != end) return nullptr;
  if (name.empty()) fail(ErrorCode::kInvalidModel, "has no type");
  fail(ErrorCode::kInvalidModel, "unknown layer type; the nearest known ones are {}",
       fmt::join(nearest(name, all_names(), 3), ", "));
}

void fail_unsupported_type() {
  fail(ErrorCode::kUnsupported, "this layer type is not supported yet");
}

void check_counts(const LayerType& type, const LayerParameter& layer) {
  check_count(type.bottoms, layer.bottom_size(), "takes", "bottom");
  check_count(type.tops, layer.top_size(), "gives", "top");
}

}  // namespace kissa::caffe

namespace kissa {

std::vector<CaffeLayerType> caffe_layer_types() {
  std::vector<CaffeLayerType> types;
  for (const caffe::LayerType& type : caffe::kLayerTypes) types.push_back({type.name, true});
  for (const std::string_view name : caffe::kUnsupportedTypes) types.push_back({name, false});
  std::sort(types.begin(), types.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return types;
}

}  // namespace kissa
