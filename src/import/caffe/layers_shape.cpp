// Layers that only move numbers, or do nothing at all.
#include "base/error.h"
#include "import/caffe/layers.h"

namespace kissa::caffe {
namespace {

// `axis`, which may be negative, or its older unsigned form.
int axis_of(bool has_axis, int axis, bool has_old, std::uint32_t old, const char* old_name) {
  if (has_axis && has_old)
    fail(ErrorCode::kInvalidModel, "has both axis and {}; only one is allowed", old_name);
  if (has_old && old >= static_cast<std::uint32_t>(Shape::kMaxRank))
    fail(ErrorCode::kInvalidModel, "{} {} is out of range", old_name, old);
  return has_old ? static_cast<int>(old) : axis;
}

}  // namespace

void import_batch_reindex(Layer& layer) { layer.add(BatchReindex()); }

void import_concat(Layer& layer) {
  const ConcatParameter& param = layer.spec().concat_param();
  Concat op;
  op.axis = axis_of(param.has_axis(), param.axis(), param.has_concat_dim(), param.concat_dim(),
                    "concat_dim");
  layer.add(op);
}

void import_crop(Layer& layer) {
  const CropParameter& param = layer.spec().crop_param();
  Crop op;
  op.axis = param.axis();
  op.offsets = {param.offset().begin(), param.offset().end()};
  layer.add(op);
}

void import_dropout(Layer& layer) {
  const DropoutParameter& param = layer.spec().dropout_param();
  if (!param.scale_train()) {
    Power op;
    op.scale = 1.0f - param.dropout_ratio();
    return layer.add(op);
  }
  layer.log_info("does nothing at test time");
  layer.add(Identity());
}

void import_filter(Layer& layer) { layer.add(Filter()); }

void import_flatten(Layer& layer) {
  const FlattenParameter& param = layer.spec().flatten_param();
  Flatten op;
  op.axis = param.axis();
  op.end_axis = param.end_axis();
  layer.add(op);
}

void import_reshape(Layer& layer) {
  const ReshapeParameter& param = layer.spec().reshape_param();
  Reshape op;
  op.dims = {param.shape().dim().begin(), param.shape().dim().end()};
  op.axis = param.axis();
  op.num_axes = param.num_axes();
  layer.add(op);
}

void import_silence(Layer& layer) { layer.log_info("is left out: it only marks blobs as read"); }

void import_slice(Layer& layer) {
  const SliceParameter& param = layer.spec().slice_param();
  Slice op;
  op.axis = axis_of(param.has_axis(), param.axis(), param.has_slice_dim(), param.slice_dim(),
                    "slice_dim");
  op.outputs = layer.tops();
  op.points = {param.slice_point().begin(), param.slice_point().end()};
  layer.add(op);
}

void import_split(Layer& layer) { layer.add_fan_out(Identity()); }

void import_tile(Layer& layer) {
  const TileParameter& param = layer.spec().tile_param();
  Tile op;
  op.axis = param.axis();
  op.tiles = param.tiles();
  layer.add(op);
}

}  // namespace kissa::caffe
