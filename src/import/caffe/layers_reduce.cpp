// Layers that sum, normalise or compare over axes.
#include "import/caffe/layers.h"

namespace kissa::caffe {

void import_argmax(Layer& layer) {
  const ArgMaxParameter& param = layer.spec().argmax_param();
  ArgMax op;
  if (param.has_axis()) op.axis = param.axis();
  op.top_k = param.top_k();
  op.out_max_val = param.out_max_val();
  layer.add(op);
}

void import_batch_norm(Layer& layer) {
  const BatchNormParameter& param = layer.spec().batch_norm_param();
  BatchNorm op;
  op.eps = param.eps();
  op.use_global_stats =
      param.has_use_global_stats() ? param.use_global_stats() : !layer.is_training();
  if (!param.scale_bias()) return layer.add(op);
  // NVCaffe's, which has Scale's blobs behind its own.
  const std::vector<kissa::ParamSpec> blobs = params_of(op, {layer.bottom_shape(0)});
  layer.allow_other_shapes();
  const std::vector<ValueId> own = {layer.add_blob(blobs.at(0)), layer.add_blob(blobs.at(1)),
                                    layer.add_blob(blobs.at(2))};
  const ValueId scale = layer.add_blob({"scale", blobs.at(0).shape});
  const ValueId bias = layer.add_blob({"bias", blobs.at(0).shape});
  Scale scaled;
  scaled.has_bias = true;
  const ValueId normal = layer.add_step(op, {layer.bottom(0)}, "normalized", own);
  layer.add_last_step(scaled, {normal}, {scale, bias});
}

void import_lrn(Layer& layer) {
  const LRNParameter& param = layer.spec().lrn_param();
  Lrn op;
  op.size = param.local_size();
  op.alpha = param.alpha();
  op.beta = param.beta();
  op.k = param.k();
  if (param.norm_region() == LRNParameter::WITHIN_CHANNEL) op.region = LrnRegion::kWithinChannel;
  layer.add(op);
}

void import_mvn(Layer& layer) {
  const MVNParameter& param = layer.spec().mvn_param();
  Mvn op;
  op.normalize_variance = param.normalize_variance();
  op.across_channels = param.across_channels();
  op.eps = param.eps();
  layer.add(op);
}

void import_reduction(Layer& layer) {
  const ReductionParameter& param = layer.spec().reduction_param();
  Reduction op;
  switch (param.operation()) {
    case ReductionParameter::SUM: op.method = ReductionMethod::kSum; break;
    case ReductionParameter::ASUM: op.method = ReductionMethod::kSumAbs; break;
    case ReductionParameter::SUMSQ: op.method = ReductionMethod::kSumSquares; break;
    case ReductionParameter::MEAN: op.method = ReductionMethod::kMean; break;
  }
  op.axis = param.axis();
  op.coefficient = param.coeff();
  layer.add(op);
}

void import_softmax(Layer& layer) {
  Softmax op;
  op.axis = layer.spec().softmax_param().axis();
  layer.add(op);
}

}  // namespace kissa::caffe
