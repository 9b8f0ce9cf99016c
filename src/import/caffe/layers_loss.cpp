// Losses and measures, as the numbers that they give at test time.
#include "base/error.h"
#include "import/caffe/layers.h"

namespace kissa::caffe {
namespace {

std::optional<int> ignored(bool is_given, int label) {
  return is_given ? std::optional<int>(label) : std::nullopt;
}

// `normalize`, the older way to say `normalization`, counts where that is absent.
kissa::LossNormalization to_normalization(const LossParameter& param,
                                          kissa::LossNormalization otherwise) {
  using To = kissa::LossNormalization;
  if (!param.has_normalization()) {
    if (!param.has_normalize()) return otherwise;
    return param.normalize() ? To::kValid : To::kBatchSize;
  }
  switch (param.normalization()) {
    case LossParameter::FULL: return To::kFull;
    case LossParameter::VALID: return To::kValid;
    case LossParameter::BATCH_SIZE: return To::kBatchSize;
    case LossParameter::NONE: return To::kNone;
  }
  return otherwise;
}

// A loss without a top is for training alone.
void add_loss(Layer& layer, const Op& op) {
  if (layer.tops() == 0)
    layer.log_info("is left out: without a top, a loss is for training");
  else
    layer.add(op);
}

template <class Op>
Op labelled(const Layer& layer, int axis) {
  const LossParameter& param = layer.spec().loss_param();
  Op op;
  op.axis = axis;
  op.ignore_label = ignored(param.has_ignore_label(), param.ignore_label());
  op.normalization = to_normalization(param, kissa::LossNormalization::kValid);
  op.with_softmax = layer.tops() == 2;
  return op;
}

}  // namespace

void import_accuracy(Layer& layer) {
  const AccuracyParameter& param = layer.spec().accuracy_param();
  Accuracy op;
  op.top_k = param.top_k();
  op.axis = param.axis();
  op.ignore_label = ignored(param.has_ignore_label(), param.ignore_label());
  op.per_class = layer.tops() == 2;
  layer.add(op);
}

void import_contrastive_loss(Layer& layer) {
  const ContrastiveLossParameter& param = layer.spec().contrastive_loss_param();
  ContrastiveLoss op;
  op.margin = param.margin();
  op.legacy = param.legacy_version();
  add_loss(layer, op);
}

void import_euclidean_loss(Layer& layer) { add_loss(layer, DistanceLoss()); }

void import_l1_loss(Layer& layer) {
  DistanceLoss op;
  op.method = DistanceMethod::kL1;
  add_loss(layer, op);
}

void import_hinge_loss(Layer& layer) {
  HingeLoss op;
  op.squared = layer.spec().hinge_loss_param().norm() == HingeLossParameter::L2;
  add_loss(layer, op);
}

void import_infogain_loss(Layer& layer) {
  const InfogainLossParameter& param = layer.spec().infogain_loss_param();
  const auto op = labelled<InfogainLoss>(layer, param.axis());
  if (layer.tops() == 0 || layer.bottoms() == 3) return add_loss(layer, op);
  if (param.source().empty())
    fail(ErrorCode::kInvalidModel, "needs a matrix: a third bottom, or infogain_loss_param.source");
  const BlobFile matrix = read_blob_file(param.source());
  layer.add_with_constant(op, "infogain", matrix.shape, matrix.data);
}

void import_multinomial_logistic_loss(Layer& layer) { add_loss(layer, MultinomialLogisticLoss()); }

void import_sigmoid_cross_entropy_loss(Layer& layer) {
  const LossParameter& param = layer.spec().loss_param();
  SigmoidCrossEntropyLoss op;
  op.ignore_label = ignored(param.has_ignore_label(), param.ignore_label());
  op.normalization = to_normalization(param, kissa::LossNormalization::kBatchSize);
  if (layer.tops() < 2) return add_loss(layer, op);
  fail(ErrorCode::kUnsupported, "a second top of this loss is not supported");
}

void import_softmax_loss(Layer& layer) {
  add_loss(layer, labelled<SoftmaxLoss>(layer, layer.spec().softmax_param().axis()));
}

}  // namespace kissa::caffe
