// Layers that sum, normalise or compare over an axis.
#include "base/error.h"
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
  layer.add(op);
}

void import_inner_product(Layer& layer) {
  const InnerProductParameter& param = layer.spec().inner_product_param();
  InnerProduct op;
  op.num_output = param.num_output();
  op.axis = param.axis();
  op.transpose = param.transpose();
  op.has_bias = param.bias_term();
  layer.add(op);
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

void import_softmax(Layer& layer) {
  Softmax op;
  op.axis = layer.spec().softmax_param().axis();
  layer.add(op);
}

}  // namespace kissa::caffe
