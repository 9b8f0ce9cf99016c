#include "import/caffe/layers.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/near_match.h"
#include "ops/custom.h"

namespace kissa::caffe {
namespace {

constexpr Count kNone0 = {0, 0}, kOne = {1, 1}, kOneOrTwo = {1, 2}, kSome = {1, kAny},
                kNoneOrOne = {0, 1}, kAnyNumber = {0, kAny};

constexpr LayerType kLayerTypes[] = {
    {"AbsVal", kOne, kOne, import_absval},
    {"Accuracy", {2, 2}, kOneOrTwo, import_accuracy},
    {"AnnotatedData", kNone0, kOneOrTwo, import_annotated_data},
    {"ArgMax", kOne, kOne, import_argmax},
    {"Axpy", {3, 3}, kOne, import_axpy},
    {"BN", kOne, kOne, import_bn},
    {"BNLL", kOne, kOne, import_bnll},
    {"BatchNorm", kOne, kOne, import_batch_norm},
    {"BatchReindex", {2, 2}, kOne, import_batch_reindex},
    {"Bias", kOneOrTwo, kOne, import_bias},
    {"CTCGreedyDecoder", kSome, kAnyNumber, leave_out_output},
    {"Clip", kOne, kOne, import_clip},
    {"Concat", kSome, kOne, import_concat},
    {"ContinuationIndicator", kAnyNumber, kOne, import_continuation_indicator},
    {"ContrastiveLoss", {3, 3}, kNoneOrOne, import_contrastive_loss},
    {"Convolution", kSome, kSome, import_convolution},
    {"ConvolutionDepthwise", kSome, kSome, import_depthwise_convolution},
    {"Crop", {2, 2}, kOne, import_crop},
    {"CropCenter", kOne, kOne, import_crop_center},
    {"Data", kNone0, kOneOrTwo, import_data},
    {"Deconvolution", kSome, kSome, import_deconvolution},
    {"DenseBlock", kOne, kOne, import_dense_block},
    {"DenseImageData", kNone0, kSome, import_hdf5_data},
    {"DepthwiseConvolution", kSome, kSome, import_depthwise_convolution},
    {"DetectionEvaluate", kSome, kAnyNumber, leave_out_output},
    {"DetectionOutput", {3, kAny}, kOne, import_detection_output},
    {"Dropout", kOne, kOne, import_dropout},
    {"DummyData", kNone0, kSome, import_dummy_data},
    {"ELU", kOne, kOne, import_elu},
    {"Eltwise", {2, kAny}, kOne, import_eltwise},
    {"Embed", kOne, kOne, import_embed},
    {"EuclideanLoss", {2, 2}, kNoneOrOne, import_euclidean_loss},
    {"EvalDetection", kSome, kAnyNumber, leave_out_output},
    {"Exp", kOne, kOne, import_exp},
    {"Filter", {2, kAny}, kSome, import_filter},
    {"Flatten", kOne, kOne, import_flatten},
    {"HDF5Data", kNone0, kSome, import_hdf5_data},
    {"HDF5Output", kSome, kNone0, leave_out_file},
    {"HingeLoss", {2, 2}, kNoneOrOne, import_hinge_loss},
    {"Im2col", kOne, kOne, import_im2col},
    {"ImageData", kNone0, kOneOrTwo, import_image_data},
    {"InfogainLoss", {2, 3}, {0, 2}, import_infogain_loss},
    {"InnerProduct", kOne, kOne, import_inner_product},
    {"Input", kNone0, kSome, import_input},
    {"Interp", kOneOrTwo, kOne, import_interp},
    {"L1Loss", {2, 2}, kNoneOrOne, import_l1_loss},
    {"LRN", kOne, kOne, import_lrn},
    {"LSTM", {2, 5}, {1, 3}, import_lstm},
    {"Log", kOne, kOne, import_log},
    {"Lstm", kOneOrTwo, kOne, import_plain_lstm},
    {"MVN", kOne, kOne, import_mvn},
    {"MemoryData", kNone0, {2, 2}, import_memory_data},
    {"MultinomialLogisticLoss", {2, 2}, kNoneOrOne, import_multinomial_logistic_loss},
    {"Normalize", kOne, kOne, import_normalize},
    {"PReLU", kOne, kOne, import_prelu},
    {"PSROIPooling", {2, 2}, kOne, import_psroi_pooling},
    {"Parameter", kNone0, kOne, import_parameter},
    {"Permute", kOne, kOne, import_permute},
    {"Pooling", kOne, kOneOrTwo, import_pooling},
    {"Power", kOne, kOne, import_power},
    {"PriorBox", {2, 2}, kOne, import_prior_box},
    {"Proposal", {3, 3}, kOneOrTwo, import_proposal},
    {"Python", kAnyNumber, kAnyNumber, import_python},
    {"RNN", {2, 4}, kOneOrTwo, import_rnn},
    {"ROIPooling", {2, 2}, kOne, import_roi_pooling},
    {"ReLU", kOne, kOne, import_relu},
    {"ReLU6", kOne, kOne, import_relu6},
    {"Reduction", kOne, kOne, import_reduction},
    {"Reorg", kOne, kOne, import_reorg},
    {"Reshape", kOne, kOne, import_reshape},
    {"Reverse", kOne, kOne, import_reverse},
    {"SPP", kOne, kOne, import_spp},
    {"Scale", kOneOrTwo, kOne, import_scale},
    {"SeLu", kOne, kOne, import_selu},
    {"SeLuDropout", kOne, kOne, import_dropout},
    {"ShuffleChannel", kOne, kOne, import_shuffle_channel},
    {"Sigmoid", kOne, kOne, import_sigmoid},
    {"SigmoidCrossEntropyLoss", {2, 2}, {0, 2}, import_sigmoid_cross_entropy_loss},
    {"Silence", kSome, kNone0, import_silence},
    {"Slice", kOne, kSome, import_slice},
    {"Softmax", kOne, kOne, import_softmax},
    {"SoftmaxWithLoss", {2, 2}, {0, 2}, import_softmax_loss},
    {"Split", kOne, kSome, import_split},
    {"Swish", kOne, kOne, import_swish},
    {"TanH", kOne, kOne, import_tanh},
    {"Threshold", kOne, kOne, import_threshold},
    {"Tile", kOne, kOne, import_tile},
    {"Transpose", kOne, kOne, import_transpose},
    {"Upsample", kOneOrTwo, kOne, import_upsample},
    {"VideoData", kNone0, kSome, import_hdf5_data},
    {"WindowData", kNone0, {2, 2}, import_window_data},
    {"YoloDetectionOutput", kSome, kAnyNumber, leave_out_output},
    {"Yolov3DetectionOutput", kSome, kAnyNumber, leave_out_output},
};

// Types of BVLC Caffe and of well-known forks that are not in the table.
constexpr std::string_view kUnsupportedTypes[] = {
    "DetectNetTransformation",
    "LSTMUnit",
    "MarginInnerProduct",
    "MultiBoxLoss",
    "ROIAlign",
    "RPROI",
    "SmoothL1Loss",
};

// A type of a plugin: it checks its inputs itself.
constexpr LayerType kCustomType = {"", kAnyNumber, kSome, import_custom};

std::vector<std::string_view> all_names() {
  std::vector<std::string_view> names(std::begin(kUnsupportedTypes), std::end(kUnsupportedTypes));
  for (const LayerType& type : kLayerTypes) names.push_back(type.name);
  for (const plugin::LayerType* type : custom_types()) names.push_back(type->name);
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
  if (find_custom_type(name) != nullptr) return &kCustomType;
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
  fail(ErrorCode::kUnsupported,
       "Kissa does not have this layer type; a plugin may bring it (--plugin)");
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
