// Matrix products, and tables that indices look up.
#include "import/caffe/layers.h"

namespace kissa::caffe {
namespace {

template <class Op>
void import_recurrent(Layer& layer) {
  const RecurrentParameter& param = layer.spec().recurrent_param();
  Op op;
  op.num_output = param.num_output();
  op.expose_hidden = param.expose_hidden();
  layer.add(op);
}

}  // namespace

void import_embed(Layer& layer) {
  const EmbedParameter& param = layer.spec().embed_param();
  Embed op;
  op.num_output = param.num_output();
  op.input_dim = param.input_dim();
  op.has_bias = param.bias_term();
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

void import_lstm(Layer& layer) { import_recurrent<Lstm>(layer); }

void import_rnn(Layer& layer) { import_recurrent<Rnn>(layer); }

}  // namespace kissa::caffe
