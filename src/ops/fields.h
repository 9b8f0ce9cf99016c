// The fields of every op, by name: the one list that case files and plan files share.
//
// visit_fields(op, visitor) calls for each field of `op`, in order,
//   visitor.field(name, value)
//     bool, int, std::int64_t, float, std::string, std::optional<int>, std::array<std::int64_t, 2>,
//     or a std::vector of std::int64_t or float
//   visitor.choice(name, value, names)
//     an enum, and pairs of each value's name and the value
//   visitor.window(name, values, axis, usual)
//     one extent for each axis behind `axis`, a field that came before; `usual`: what most have
#pragma once

#include <array>
#include <string_view>
#include <type_traits>
#include <utility>

#include "ops/epilogue.h"
#include "ops/op.h"

namespace kissa {

template <class T, std::size_t N>
using ChoiceNames = std::array<std::pair<std::string_view, T>, N>;

inline constexpr ChoiceNames<EltwiseMethod, 3> kEltwiseMethods = {{
    {"product", EltwiseMethod::kProduct},
    {"sum", EltwiseMethod::kSum},
    {"max", EltwiseMethod::kMax},
}};
inline constexpr ChoiceNames<LrnRegion, 2> kLrnRegions = {{
    {"across", LrnRegion::kAcrossChannels},
    {"within", LrnRegion::kWithinChannel},
}};
inline constexpr ChoiceNames<PoolMethod, 3> kPoolMethods = {{
    {"max", PoolMethod::kMax},
    {"average", PoolMethod::kAverage},
    {"stochastic", PoolMethod::kStochastic},
}};
inline constexpr ChoiceNames<RoundMode, 2> kRoundModes = {{
    {"ceil", RoundMode::kCeil},
    {"floor", RoundMode::kFloor},
}};
inline constexpr ChoiceNames<ReductionMethod, 4> kReductionMethods = {{
    {"sum", ReductionMethod::kSum},
    {"sum_abs", ReductionMethod::kSumAbs},
    {"sum_squares", ReductionMethod::kSumSquares},
    {"mean", ReductionMethod::kMean},
}};
inline constexpr ChoiceNames<Activation, 3> kActivations = {{
    {"none", Activation::kNone},
    {"relu", Activation::kRelu},
    {"clip", Activation::kClip},
}};

inline constexpr ChoiceNames<LossNormalization, 4> kLossNormalizations = {{
    {"full", LossNormalization::kFull},
    {"valid", LossNormalization::kValid},
    {"batch_size", LossNormalization::kBatchSize},
    {"none", LossNormalization::kNone},
}};
inline constexpr ChoiceNames<DistanceMethod, 2> kDistanceMethods = {{
    {"euclidean", DistanceMethod::kEuclidean},
    {"l1", DistanceMethod::kL1},
}};
inline constexpr ChoiceNames<BoxCode, 3> kBoxCodes = {{
    {"corner", BoxCode::kCorner},
    {"center_size", BoxCode::kCenterSize},
    {"corner_size", BoxCode::kCornerSize},
}};

template <class T, class Visitor>
void visit_window(T& op, Visitor& visitor) {
  visitor.window("kernel", op.kernel, op.axis, 1);
  visitor.window("stride", op.stride, op.axis, 1);
  visitor.window("pad", op.pad, op.axis, 0);
  visitor.window("dilation", op.dilation, op.axis, 1);
}

template <class T, class Visitor>
void visit_convolution(T& op, Visitor& visitor) {
  visitor.field("num_output", op.num_output);
  visitor.field("group", op.group);
  visitor.field("has_bias", op.has_bias);
  visitor.field("axis", op.axis);
  visit_window(op, visitor);
}

template <class T, class Visitor>
void visit_recurrent(T& op, Visitor& visitor) {
  visitor.field("num_output", op.num_output);
  visitor.field("expose_hidden", op.expose_hidden);
}

template <class T, class Visitor>
requires(std::is_empty_v<T>) void visit_fields(T&, Visitor&) {}

template <class Visitor>
void visit_fields(Accuracy& op, Visitor& visitor) {
  visitor.field("top_k", op.top_k);
  visitor.field("axis", op.axis);
  visitor.field("ignore_label", op.ignore_label);
  visitor.field("per_class", op.per_class);
}

template <class Visitor>
void visit_fields(ArgMax& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
  visitor.field("top_k", op.top_k);
  visitor.field("out_max_val", op.out_max_val);
}

template <class Visitor>
void visit_fields(BatchNorm& op, Visitor& visitor) {
  visitor.field("eps", op.eps);
  visitor.field("use_global_stats", op.use_global_stats);
}

template <class Visitor>
void visit_fields(Bias& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
  visitor.field("num_axes", op.num_axes);
}

template <class Visitor>
void visit_fields(Clip& op, Visitor& visitor) {
  visitor.field("min", op.min);
  visitor.field("max", op.max);
}

template <class Visitor>
void visit_fields(Concat& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
}

template <class Visitor>
void visit_fields(ContrastiveLoss& op, Visitor& visitor) {
  visitor.field("margin", op.margin);
  visitor.field("legacy", op.legacy);
}

template <class Visitor>
void visit_fields(Convolution& op, Visitor& visitor) {
  visit_convolution(op, visitor);
}

template <class Visitor>
void visit_fields(Crop& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
  visitor.field("offsets", op.offsets);
}

template <class Visitor>
void visit_fields(CropCenter& op, Visitor& visitor) {
  visitor.field("margins", op.margins);
}

template <class Visitor>
void visit_fields(Custom& op, Visitor& visitor) {
  visitor.field("type", op.type);
  visitor.field("parameters", op.parameters);
  visitor.field("inputs", op.inputs);
}

template <class Visitor>
void visit_fields(Deconvolution& op, Visitor& visitor) {
  visit_convolution(op, visitor);
}

template <class Visitor>
void visit_fields(DetectionOutput& op, Visitor& visitor) {
  visitor.field("num_classes", op.num_classes);
  visitor.field("share_location", op.share_location);
  visitor.field("background_label", op.background_label);
  visitor.field("nms_threshold", op.nms_threshold);
  visitor.field("nms_eta", op.nms_eta);
  visitor.field("nms_top_k", op.nms_top_k);
  visitor.field("keep_top_k", op.keep_top_k);
  visitor.choice("code", op.code, kBoxCodes);
  visitor.field("variance_in_target", op.variance_in_target);
  visitor.field("confidence_threshold", op.confidence_threshold);
}

template <class Visitor>
void visit_fields(DistanceLoss& op, Visitor& visitor) {
  visitor.choice("method", op.method, kDistanceMethods);
}

template <class Visitor>
void visit_fields(Eltwise& op, Visitor& visitor) {
  visitor.choice("method", op.method, kEltwiseMethods);
  visitor.field("coeffs", op.coeffs);
}

template <class Visitor>
void visit_fields(Elu& op, Visitor& visitor) {
  visitor.field("alpha", op.alpha);
}

template <class Visitor>
void visit_fields(Embed& op, Visitor& visitor) {
  visitor.field("num_output", op.num_output);
  visitor.field("input_dim", op.input_dim);
  visitor.field("has_bias", op.has_bias);
}

template <class Visitor>
void visit_fields(Exp& op, Visitor& visitor) {
  visitor.field("base", op.base);
  visitor.field("scale", op.scale);
  visitor.field("shift", op.shift);
}

template <class Visitor>
void visit_fields(Flatten& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
  visitor.field("end_axis", op.end_axis);
}

template <class Visitor>
void visit_fields(HingeLoss& op, Visitor& visitor) {
  visitor.field("squared", op.squared);
}

template <class Visitor>
void visit_fields(Im2col& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
  visit_window(op, visitor);
}

template <class Visitor>
void visit_fields(InfogainLoss& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
  visitor.field("ignore_label", op.ignore_label);
  visitor.choice("normalization", op.normalization, kLossNormalizations);
  visitor.field("with_softmax", op.with_softmax);
}

template <class Visitor>
void visit_fields(InnerProduct& op, Visitor& visitor) {
  visitor.field("num_output", op.num_output);
  visitor.field("axis", op.axis);
  visitor.field("transpose", op.transpose);
  visitor.field("has_bias", op.has_bias);
}

template <class Visitor>
void visit_fields(Interp& op, Visitor& visitor) {
  visitor.field("size", op.size);
  visitor.field("zoom", op.zoom);
  visitor.field("shrink", op.shrink);
  visitor.field("pad", op.pad);
}

template <class Visitor>
void visit_fields(Log& op, Visitor& visitor) {
  visitor.field("base", op.base);
  visitor.field("scale", op.scale);
  visitor.field("shift", op.shift);
}

template <class Visitor>
void visit_fields(Lrn& op, Visitor& visitor) {
  visitor.field("size", op.size);
  visitor.field("alpha", op.alpha);
  visitor.field("beta", op.beta);
  visitor.field("k", op.k);
  visitor.choice("region", op.region, kLrnRegions);
}

template <class Visitor>
void visit_fields(Lstm& op, Visitor& visitor) {
  visit_recurrent(op, visitor);
}

template <class Visitor>
void visit_fields(Mvn& op, Visitor& visitor) {
  visitor.field("normalize_variance", op.normalize_variance);
  visitor.field("across_channels", op.across_channels);
  visitor.field("eps", op.eps);
}

template <class Visitor>
void visit_fields(Normalize& op, Visitor& visitor) {
  visitor.field("across_spatial", op.across_spatial);
  visitor.field("channel_shared", op.channel_shared);
  visitor.field("eps", op.eps);
}

template <class Visitor>
void visit_fields(Permute& op, Visitor& visitor) {
  visitor.field("order", op.order);
}

template <class Visitor>
void visit_fields(Pooling& op, Visitor& visitor) {
  visitor.choice("method", op.method, kPoolMethods);
  visitor.field("kernel", op.kernel);
  visitor.field("stride", op.stride);
  visitor.field("pad", op.pad);
  visitor.field("global", op.global);
  visitor.choice("round_mode", op.round_mode, kRoundModes);
  visitor.field("with_mask", op.with_mask);
}

template <class Visitor>
void visit_fields(Power& op, Visitor& visitor) {
  visitor.field("power", op.power);
  visitor.field("scale", op.scale);
  visitor.field("shift", op.shift);
}

template <class Visitor>
void visit_fields(PRelu& op, Visitor& visitor) {
  visitor.field("channel_shared", op.channel_shared);
}

template <class Visitor>
void visit_fields(PriorBox& op, Visitor& visitor) {
  visitor.field("min_sizes", op.min_sizes);
  visitor.field("max_sizes", op.max_sizes);
  visitor.field("aspect_ratios", op.aspect_ratios);
  visitor.field("flip", op.flip);
  visitor.field("clip", op.clip);
  visitor.field("variances", op.variances);
  visitor.field("image", op.image);
  visitor.field("step", op.step);
  visitor.field("offset", op.offset);
}

template <class Visitor>
void visit_fields(Proposal& op, Visitor& visitor) {
  visitor.field("feat_stride", op.feat_stride);
  visitor.field("base_size", op.base_size);
  visitor.field("min_size", op.min_size);
  visitor.field("ratios", op.ratios);
  visitor.field("scales", op.scales);
  visitor.field("pre_nms_top_n", op.pre_nms_top_n);
  visitor.field("post_nms_top_n", op.post_nms_top_n);
  visitor.field("nms_threshold", op.nms_threshold);
  visitor.field("with_scores", op.with_scores);
}

template <class Visitor>
void visit_fields(PsRoiPooling& op, Visitor& visitor) {
  visitor.field("output_dim", op.output_dim);
  visitor.field("group_size", op.group_size);
  visitor.field("spatial_scale", op.spatial_scale);
}

template <class Visitor>
void visit_fields(Reduction& op, Visitor& visitor) {
  visitor.choice("method", op.method, kReductionMethods);
  visitor.field("axis", op.axis);
  visitor.field("coefficient", op.coefficient);
}

template <class Visitor>
void visit_fields(Relu& op, Visitor& visitor) {
  visitor.field("negative_slope", op.negative_slope);
}

template <class Visitor>
void visit_fields(Reorg& op, Visitor& visitor) {
  visitor.field("stride", op.stride);
  visitor.field("reversed", op.reversed);
}

template <class Visitor>
void visit_fields(Reshape& op, Visitor& visitor) {
  visitor.field("dims", op.dims);
  visitor.field("axis", op.axis);
  visitor.field("num_axes", op.num_axes);
}

template <class Visitor>
void visit_fields(Reverse& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
}

template <class Visitor>
void visit_fields(Rnn& op, Visitor& visitor) {
  visit_recurrent(op, visitor);
}

template <class Visitor>
void visit_fields(RoiPooling& op, Visitor& visitor) {
  visitor.field("pooled_h", op.pooled_h);
  visitor.field("pooled_w", op.pooled_w);
  visitor.field("spatial_scale", op.spatial_scale);
}

template <class Visitor>
void visit_fields(Scale& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
  visitor.field("num_axes", op.num_axes);
  visitor.field("has_bias", op.has_bias);
}

template <class Visitor>
void visit_fields(ShuffleChannel& op, Visitor& visitor) {
  visitor.field("group", op.group);
}

template <class Visitor>
void visit_fields(SigmoidCrossEntropyLoss& op, Visitor& visitor) {
  visitor.field("ignore_label", op.ignore_label);
  visitor.choice("normalization", op.normalization, kLossNormalizations);
}

template <class Visitor>
void visit_fields(Slice& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
  visitor.field("outputs", op.outputs);
  visitor.field("points", op.points);
}

template <class Visitor>
void visit_fields(Softmax& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
}

template <class Visitor>
void visit_fields(SoftmaxLoss& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
  visitor.field("ignore_label", op.ignore_label);
  visitor.choice("normalization", op.normalization, kLossNormalizations);
  visitor.field("with_softmax", op.with_softmax);
}

template <class Visitor>
void visit_fields(Swish& op, Visitor& visitor) {
  visitor.field("beta", op.beta);
}

template <class Visitor>
void visit_fields(Threshold& op, Visitor& visitor) {
  visitor.field("threshold", op.threshold);
}

template <class Visitor>
void visit_fields(Tile& op, Visitor& visitor) {
  visitor.field("axis", op.axis);
  visitor.field("tiles", op.tiles);
}

template <class Visitor>
void visit_fields(Unpool& op, Visitor& visitor) {
  visitor.field("scale", op.scale);
  visitor.field("size", op.size);
  visitor.field("cut", op.cut);
}

template <class Visitor>
void visit_fields(Upsample& op, Visitor& visitor) {
  visitor.field("scale", op.scale);
}

template <class Visitor>
void visit_fields(Epilogue& epilogue, Visitor& visitor) {
  visitor.choice("activation", epilogue.activation, kActivations);
  visitor.field("low", epilogue.low);
  visitor.field("high", epilogue.high);
  visitor.field("has_residual", epilogue.has_residual);
}

// Those of whatever op it is.
template <class Visitor>
void visit_op_fields(Op& op, Visitor& visitor) {
  std::visit([&](auto& kind) { visit_fields(kind, visitor); }, op);
}

}  // namespace kissa
