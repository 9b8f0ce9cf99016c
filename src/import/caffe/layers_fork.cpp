// Layers of forks that other ops make up, and layers that are not Caffe's own: Python's, plugins'.
#include <fmt/core.h>

#include "base/error.h"
#include "import/caffe/layers.h"
#include "ops/custom.h"

namespace kissa::caffe {
namespace {

Shape channels_of(const Layer& layer, int bottom) {
  const Shape in = layer.bottom_shape(bottom);
  if (in.rank() < 2)
    fail(ErrorCode::kInvalidModel, "takes an input of 2 axes or more, not {}", in.to_string());
  return Shape({in[1]});
}

Scale with_bias() {
  Scale op;
  op.has_bias = true;
  return op;
}

// A dense block's normalization, scale and ReLU in front of a convolution. Blobs lie `count` apart.
ValueId activate(Layer& layer, ValueId input, const std::vector<ValueId>& blobs, std::size_t first,
                 std::size_t count, const std::string& step) {
  const auto blob = [&](std::size_t i) { return blobs[first + i * count]; };
  const ValueId normal =
      layer.add_step(BatchNorm(), {input}, step + "/bn", {blob(2), blob(3), blobs.back()});
  const ValueId scaled = layer.add_step(with_bias(), {normal}, step + "/scale", {blob(0), blob(1)});
  return layer.add_step(Relu(), {scaled}, step + "/relu");
}

Convolution square_convolution(std::int64_t outputs, std::int64_t kernel) {
  Convolution op;
  op.num_output = outputs;
  op.kernel = {kernel, kernel};
  op.stride = {1, 1};
  op.pad = {kernel / 2, kernel / 2};
  op.dilation = {1, 1};
  op.has_bias = false;
  return op;
}

}  // namespace

// x * scale, one number a channel, + y
void import_axpy(Layer& layer) {
  const Shape scale = layer.bottom_shape(0);
  if (scale.rank() < 2 || scale.product(2, scale.rank()) != 1)
    fail(ErrorCode::kInvalidModel, "takes a number a channel first, NxCx1x1, not {}",
         scale.to_string());
  ValueId factor = layer.bottom(0);
  if (scale.rank() > 2) factor = layer.add_step(Flatten(), {factor}, "scale");
  Scale multiply;
  multiply.axis = 0;
  const ValueId product = layer.add_step(multiply, {layer.bottom(1), factor}, "product");
  layer.add_last_step(Eltwise(), {product, layer.bottom(2)});
}

// SegNet's has blobs scale and shift; PSPNet's has slope, bias, mean and variance, which say more.
void import_bn(Layer& layer) {
  const BNParameter& param = layer.spec().bn_param();
  const Shape channels = channels_of(layer, 0);
  layer.allow_other_shapes();
  const ValueId scale = layer.add_blob({"scale", channels});
  const ValueId bias = layer.add_blob({"bias", channels});
  const bool is_segnet =
      param.has_scale_filler() || param.has_shift_filler() || param.has_bn_mode();
  if (is_segnet) {
    if (param.bn_mode() != BNParameter::INFERENCE)
      fail(ErrorCode::kUnsupported,
           "bn_mode LEARN takes statistics of the batch: train-time weights have to be turned into "
           "bn_mode INFERENCE first, as SegNet's compute_bn_statistics does");
    return layer.add_last_step(with_bias(), {layer.bottom(0)}, {scale, bias});
  }
  const ValueId mean = layer.add_blob({"mean", channels});
  const ValueId variance = layer.add_blob({"variance", channels});
  BatchNorm op;
  op.eps = param.has_var_eps() ? param.var_eps() : param.eps();
  const ValueId one = layer.add_constant("scale_factor", Shape({1}), {1.0f});
  const ValueId normal = layer.add_step(op, {layer.bottom(0)}, "normalized", {mean, variance, one});
  layer.add_last_step(with_bias(), {normal}, {scale, bias});
}

void import_continuation_indicator(Layer& layer) {
  const ContinuationIndicatorParameter& param = layer.spec().continuation_indicator_param();
  const Shape shape({param.time_step(), param.batch_size()});
  constexpr std::int64_t kMaxElements = 1 << 24;
  if (shape.elements() < 1 || shape.elements() > kMaxElements)
    fail(ErrorCode::kInvalidModel, "time_step {} and batch_size {} make no sense",
         param.time_step(), param.batch_size());
  std::vector<float> data(static_cast<std::size_t>(shape.elements()), 1.0f);
  std::fill_n(data.begin(), param.batch_size(), 0.0f);
  layer.add_constant(0, shape, std::move(data));
}

void import_crop_center(Layer& layer) {
  CropCenter op;
  for (const std::uint32_t margin : layer.spec().crop_center_param().crop_size())
    op.margins.push_back(margin);
  layer.add(op);
}

// At each transition: [normalization, scale, ReLU, 1x1 convolution,] normalization, scale, ReLU,
// 3x3 convolution; what comes out joins what went in. Blobs: all 3x3 filters, then scales, biases,
// means, variances of their normalizations; the same of the 1x1 filters; the statistics' factor.
void import_dense_block(Layer& layer) {
  const DenseBlockParameter& param = layer.spec().denseblock_param();
  const std::int64_t growth = param.growthrate();
  constexpr int kMaxTransitions = 1000;
  if (param.numtransition() < 1 || param.numtransition() > kMaxTransitions || growth < 1)
    fail(ErrorCode::kInvalidModel, "numTransition {} and growthRate {} make no sense",
         param.numtransition(), growth);
  const auto count = static_cast<std::size_t>(param.numtransition());
  const std::int64_t first = channels_of(layer, 0)[0];
  const std::int64_t narrow = 4 * growth;  // what the 1x1 convolution leaves
  const auto channels_at = [&](std::size_t i) {
    return first + static_cast<std::int64_t>(i) * growth;
  };
  layer.allow_other_shapes();
  std::vector<ValueId> blobs;
  const auto add_filters = [&](std::int64_t outputs, std::int64_t inputs_of_all,
                               std::int64_t size) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t inputs = inputs_of_all > 0 ? inputs_of_all : channels_at(i);
      blobs.push_back(layer.add_blob({"weight", Shape({outputs, inputs, size, size})}));
    }
  };
  const auto add_statistics = [&](std::int64_t channels_of_all) {
    for (const char* name : {"scale", "bias", "mean", "variance"})
      for (std::size_t i = 0; i < count; ++i)
        blobs.push_back(layer.add_blob(
            {name, Shape({channels_of_all > 0 ? channels_of_all : channels_at(i)})}));
  };
  add_filters(growth, param.use_bc() ? narrow : 0, 3);
  add_statistics(0);
  if (param.use_bc()) {
    add_filters(narrow, 0, 1);
    add_statistics(narrow);
  }
  blobs.push_back(layer.add_blob({"scale_factor", Shape({1})}));

  ValueId all = layer.bottom(0);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string step = fmt::format("{}", i + 1);
    ValueId added = activate(layer, all, blobs, count + i, count, step);
    if (param.use_bc()) {
      added = layer.add_step(square_convolution(narrow, 1), {added}, step + "/conv1x1",
                             {blobs[5 * count + i]});
      added = activate(layer, added, blobs, 6 * count + i, count, step + "/narrow");
    }
    added = layer.add_step(square_convolution(growth, 3), {added}, step + "/conv3x3", {blobs[i]});
    if (i + 1 == count)
      layer.add_last_step(Concat(), {all, added});
    else
      all = layer.add_step(Concat(), {all, added}, step);
  }
}

void import_depthwise_convolution(Layer& layer) { layer.add_each(depthwise_convolution(layer)); }

void import_interp(Layer& layer) {
  const InterpParameter& param = layer.spec().interp_param();
  Interp op;
  op.pad = {param.pad_beg(), param.pad_end()};
  const bool is_by_factor = param.has_zoom_factor() != param.has_shrink_factor();
  if (!is_by_factor && param.has_height() && param.has_width()) {
    op.size = {param.height(), param.width()};
  } else {
    if (!param.has_zoom_factor() && !param.has_shrink_factor() && layer.bottoms() == 1)
      fail(ErrorCode::kInvalidModel, "takes height and width, zoom_factor or shrink_factor");
    op.zoom = param.zoom_factor();
    op.shrink = param.shrink_factor();
  }
  layer.add(op);
}

// Time steps of a few streams side by side, TN x I or T x N x I; blobs weight_x, weight_h, bias.
void import_plain_lstm(Layer& layer) {
  const LstmParameter& param = layer.spec().lstm_param();
  const Shape in = layer.bottom_shape(0);
  if (in.rank() < 2)
    fail(ErrorCode::kInvalidModel, "takes an input of 2 axes or more, not {}", in.to_string());
  const bool is_flat = in.rank() == 2;
  const std::int64_t streams = is_flat ? param.batch_size() : in[1];
  if (streams < 1 || (is_flat && in[0] % streams != 0))
    fail(ErrorCode::kInvalidModel, "batch_size {} does not divide the {} steps", streams, in[0]);
  Reshape parted;
  parted.dims = {-1, streams};
  parted.num_axes = 1;
  ValueId x = layer.bottom(0);
  if (is_flat) x = layer.add_step(parted, {x}, "steps");
  const std::int64_t steps = is_flat ? in[0] / streams : in[0];
  ValueId going_on;
  if (layer.bottoms() == 2) {
    parted.num_axes = -1;
    going_on = layer.add_step(parted, {layer.bottom(1)}, "continues");
  } else {
    const Shape shape({steps, streams});
    going_on = layer.add_constant(
        "continues", shape, std::vector<float>(static_cast<std::size_t>(shape.elements()), 1.0f));
  }
  const std::int64_t outputs = param.num_output();
  const std::int64_t inputs = is_flat ? in[1] : in.product(2, in.rank());
  layer.allow_other_shapes();
  const ValueId weight_x = layer.add_blob({"weight_x", Shape({4 * outputs, inputs})});
  const ValueId weight_h = layer.add_blob({"weight_h", Shape({4 * outputs, outputs})});
  const ValueId bias = layer.add_blob({"bias", Shape({4 * outputs})});
  Lstm op;
  op.num_output = outputs;
  if (!is_flat) return layer.add_last_step(op, {x, going_on}, {weight_x, bias, weight_h});
  const ValueId y = layer.add_step(op, {x, going_on}, "state", {weight_x, bias, weight_h});
  Flatten flat;
  flat.axis = 0;
  flat.end_axis = 1;
  layer.add_last_step(flat, {y});
}

void import_permute(Layer& layer) {
  Permute op;
  for (const std::uint32_t axis : layer.spec().permute_param().order()) op.order.push_back(axis);
  layer.add(op);
}

// Kissa runs no Python: what is known by its module and class is an op, what only brings data is an
// input, and what nothing reads can be left out.
void import_python(Layer& layer) {
  const PythonParameter& param = layer.spec().python_param();
  const std::string name = param.module() + "." + param.layer();
  if (param.layer() == "ProposalLayer" && layer.bottoms() == 3)
    return import_python_proposal(layer);
  if (param.layer() == "SpatialDropoutLayer" && layer.bottoms() == 1) return import_dropout(layer);
  if (param.layer() == "EuclideanLossLayer" && layer.bottoms() == 2)
    return import_euclidean_loss(layer);
  if (layer.bottoms() == 0) return import_hdf5_data(layer);
  for (int top = 0; top < layer.tops(); ++top)
    if (layer.is_read(top))
      fail(ErrorCode::kUnsupported,
           "is the Python class {}, which Kissa cannot run; a plugin may compute the same "
           "(--plugin)",
           name);
  layer.leave_out(fmt::format("is the Python class {}, which Kissa cannot run", name));
}

void import_relu6(Layer& layer) {
  Clip op;
  op.max = layer.spec().relu6_param().threshold();
  layer.add(op);
}

void import_reorg(Layer& layer) {
  Reorg op;
  op.stride = layer.spec().reorg_param().stride();
  op.reversed = layer.spec().reorg_param().reverse();
  layer.add(op);
}

void import_reverse(Layer& layer) {
  const auto& axes = layer.spec().reverse_param().axis();
  Reverse op;
  ValueId x = layer.bottom(0);
  for (int i = 0; i + 1 < axes.size(); ++i) {
    op.axis = axes[i];
    x = layer.add_step(op, {x}, fmt::format("axis{}", axes[i]));
  }
  if (!axes.empty()) op.axis = *axes.rbegin();
  layer.add_last_step(op, {x});
}

// 1.0507 x, below 0 1.0507 1.6733 (exp(x) - 1)
void import_selu(Layer& layer) {
  Elu elu;
  elu.alpha = 1.6732632f;
  Power scale;
  scale.scale = 1.0507010f;
  layer.add_last_step(scale, {layer.add_step(elu, {layer.bottom(0)}, "elu")});
}

void import_shuffle_channel(Layer& layer) {
  ShuffleChannel op;
  op.group = layer.spec().shuffle_channel_param().group();
  layer.add(op);
}

void import_transpose(Layer& layer) {
  Permute op;
  for (const std::uint32_t axis : layer.spec().transpose_param().dim()) op.order.push_back(axis);
  layer.add(op);
}

// With a mask SegNet's unpooling, without it a plain enlargement.
void import_upsample(Layer& layer) {
  const UpsampleParameter& param = layer.spec().upsample_param();
  const std::int64_t scale_h = param.has_scale_h() ? param.scale_h() : param.scale();
  const std::int64_t scale_w = param.has_scale_w() ? param.scale_w() : param.scale();
  if (layer.bottoms() == 1) {
    if (scale_h != scale_w)
      fail(ErrorCode::kUnsupported, "scales of {} and {} differ", scale_h, scale_w);
    Upsample op;
    op.scale = scale_h;
    return layer.add(op);
  }
  Unpool op;
  op.scale = {scale_h, scale_w};
  op.size = {param.upsample_h(), param.upsample_w()};
  if ((op.size[0] == 0) != (op.size[1] == 0))
    fail(ErrorCode::kInvalidModel, "upsample_h and upsample_w go together");
  op.cut = {param.pad_out_h() ? 1 : 0, param.pad_out_w() ? 1 : 0};
  layer.add(op);
}

void import_custom(Layer& layer) {
  Custom op;
  op.type = layer.spec().type();
  op.parameters = layer.spec().custom_param();
  op.inputs = layer.bottoms();
  layer.add(op);
}

void leave_out_output(Layer& layer) { layer.leave_out("works up a network's results"); }

void leave_out_file(Layer& layer) { layer.leave_out("writes a file"); }

}  // namespace kissa::caffe
