// Layers that look at one element, or one of each input, at a time.
#include "base/error.h"
#include "import/caffe/layers.h"

namespace kissa::caffe {

void import_absval(Layer& layer) { layer.add(AbsVal()); }
void import_bnll(Layer& layer) { layer.add(Bnll()); }
void import_sigmoid(Layer& layer) { layer.add(Sigmoid()); }
void import_tanh(Layer& layer) { layer.add(TanH()); }

void import_clip(Layer& layer) {
  const ClipParameter& param = layer.spec().clip_param();
  if (!param.has_min() || !param.has_max())
    fail(ErrorCode::kInvalidModel, "clip_param needs both min and max");
  Clip op;
  op.min = param.min();
  op.max = param.max();
  layer.add(op);
}

void import_elu(Layer& layer) {
  Elu op;
  op.alpha = layer.spec().elu_param().alpha();
  layer.add(op);
}

void import_exp(Layer& layer) {
  const ExpParameter& param = layer.spec().exp_param();
  Exp op;
  op.base = param.base();
  op.scale = param.scale();
  op.shift = param.shift();
  layer.add(op);
}

void import_log(Layer& layer) {
  const LogParameter& param = layer.spec().log_param();
  Log op;
  op.base = param.base();
  op.scale = param.scale();
  op.shift = param.shift();
  layer.add(op);
}

void import_power(Layer& layer) {
  const PowerParameter& param = layer.spec().power_param();
  Power op;
  op.power = param.power();
  op.scale = param.scale();
  op.shift = param.shift();
  layer.add(op);
}

void import_prelu(Layer& layer) {
  PRelu op;
  op.channel_shared = layer.spec().prelu_param().channel_shared();
  layer.add(op);
}

void import_relu(Layer& layer) {
  Relu op;
  op.negative_slope = layer.spec().relu_param().negative_slope();
  layer.add(op);
}

void import_swish(Layer& layer) {
  Swish op;
  op.beta = layer.spec().swish_param().beta();
  layer.add(op);
}

void import_threshold(Layer& layer) {
  Threshold op;
  op.threshold = layer.spec().threshold_param().threshold();
  layer.add(op);
}

void import_eltwise(Layer& layer) {
  const EltwiseParameter& param = layer.spec().eltwise_param();
  Eltwise op;
  if (param.operation() == EltwiseParameter::PROD) op.method = EltwiseMethod::kProduct;
  if (param.operation() == EltwiseParameter::MAX) op.method = EltwiseMethod::kMax;
  op.coeffs = {param.coeff().begin(), param.coeff().end()};
  layer.add(op);
}

void import_scale(Layer& layer) {
  const ScaleParameter& param = layer.spec().scale_param();
  Scale op;
  op.axis = param.axis();
  op.num_axes = param.num_axes();
  op.has_bias = param.bias_term();
  layer.add(op);
}

void import_bias(Layer& layer) {
  const BiasParameter& param = layer.spec().bias_param();
  Bias op;
  op.axis = param.axis();
  op.num_axes = param.num_axes();
  layer.add(op);
}

}  // namespace kissa::caffe
