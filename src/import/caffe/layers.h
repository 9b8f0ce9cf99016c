// The layer types: what each takes and gives, and the function that turns it into nodes.
#pragma once

#include <string>
#include <string_view>

#include "import/caffe/builder.h"

namespace kissa::caffe {

struct Count {
  int min;
  int max;
};
inline constexpr int kAny = 1 << 30;

struct LayerType {
  std::string_view name;
  Count bottoms;
  Count tops;
  void (*import)(Layer& layer);
};

// Plugins' types come first. Throws kInvalidModel with near matches on a type that no Caffe knows.
// nullptr: a known type that Kissa does not have.
const LayerType* find_layer_type(const std::string& name);
[[noreturn]] void fail_unsupported_type();

// Throws kInvalidModel where the layer has too few or too many bottoms or tops.
void check_counts(const LayerType& type, const LayerParameter& layer);

// layers_data.cpp
void import_input(Layer& layer);
void import_data(Layer& layer);
void import_annotated_data(Layer& layer);
void import_image_data(Layer& layer);
void import_window_data(Layer& layer);
void import_memory_data(Layer& layer);
void import_hdf5_data(Layer& layer);
void import_dummy_data(Layer& layer);
void import_parameter(Layer& layer);

// layers_window.cpp: convolution and pooling
void import_convolution(Layer& layer);
Convolution depthwise_convolution(const Layer& layer);
void import_deconvolution(Layer& layer);
void import_im2col(Layer& layer);
void import_pooling(Layer& layer);
void import_spp(Layer& layer);

// layers_elementwise.cpp
void import_absval(Layer& layer);
void import_bnll(Layer& layer);
void import_clip(Layer& layer);
void import_elu(Layer& layer);
void import_exp(Layer& layer);
void import_log(Layer& layer);
void import_power(Layer& layer);
void import_prelu(Layer& layer);
void import_relu(Layer& layer);
void import_sigmoid(Layer& layer);
void import_swish(Layer& layer);
void import_tanh(Layer& layer);
void import_threshold(Layer& layer);
void import_eltwise(Layer& layer);
void import_scale(Layer& layer);
void import_bias(Layer& layer);

// layers_product.cpp: matrix products and tables
void import_embed(Layer& layer);
void import_inner_product(Layer& layer);
void import_lstm(Layer& layer);
void import_rnn(Layer& layer);

// layers_reduce.cpp: ops that sum, normalise or compare over axes
void import_argmax(Layer& layer);
void import_batch_norm(Layer& layer);
void import_lrn(Layer& layer);
void import_mvn(Layer& layer);
void import_reduction(Layer& layer);
void import_softmax(Layer& layer);

// layers_shape.cpp: ops that only move numbers, or do nothing
void import_batch_reindex(Layer& layer);
void import_concat(Layer& layer);
void import_crop(Layer& layer);
void import_dropout(Layer& layer);
void import_filter(Layer& layer);
void import_flatten(Layer& layer);
void import_reshape(Layer& layer);
void import_silence(Layer& layer);
void import_slice(Layer& layer);
void import_split(Layer& layer);
void import_tile(Layer& layer);

// layers_loss.cpp: losses and measures
void import_accuracy(Layer& layer);
void import_contrastive_loss(Layer& layer);
void import_euclidean_loss(Layer& layer);
void import_hinge_loss(Layer& layer);
void import_infogain_loss(Layer& layer);
void import_l1_loss(Layer& layer);
void import_multinomial_logistic_loss(Layer& layer);
void import_sigmoid_cross_entropy_loss(Layer& layer);
void import_softmax_loss(Layer& layer);

// layers_detection.cpp: SSD, and the R-CNN family
void import_detection_output(Layer& layer);
void import_normalize(Layer& layer);
void import_prior_box(Layer& layer);
void import_proposal(Layer& layer);
void import_psroi_pooling(Layer& layer);
void import_python_proposal(Layer& layer);
void import_roi_pooling(Layer& layer);

// layers_fork.cpp: other forks, Python, plugins
void import_axpy(Layer& layer);
void import_bn(Layer& layer);
void import_continuation_indicator(Layer& layer);
void import_crop_center(Layer& layer);
void import_custom(Layer& layer);
void import_dense_block(Layer& layer);
void import_depthwise_convolution(Layer& layer);
void import_interp(Layer& layer);
void import_permute(Layer& layer);
void import_plain_lstm(Layer& layer);
void import_python(Layer& layer);
void import_relu6(Layer& layer);
void import_reorg(Layer& layer);
void import_reverse(Layer& layer);
void import_selu(Layer& layer);
void import_shuffle_channel(Layer& layer);
void import_transpose(Layer& layer);
void import_upsample(Layer& layer);
void leave_out_file(Layer& layer);
void leave_out_output(Layer& layer);

}  // namespace kissa::caffe
