// Inputs, and the data layers of training files. A data layer's images become an input of the
// network; its labels are left out, and with them the losses that read them.
#include "base/error.h"
#include "import/caffe/layers.h"

namespace kissa::caffe {
namespace {

Shape to_shape(const BlobShape& shape) { return Shape({shape.dim().begin(), shape.dim().end()}); }

constexpr std::int64_t kColorChannels = 3;

// batch x channels x crop x crop, where the file says what the images are cropped to.
std::optional<Shape> cropped(std::int64_t batch, std::int64_t channels,
                             const TransformationParameter& transform) {
  if (transform.crop_size() == 0) return std::nullopt;
  return Shape(
      {batch, transform.force_gray() ? 1 : channels, transform.crop_size(), transform.crop_size()});
}

// The first top holds images; the others are inputs only where the user gives them a shape.
void add_images(Layer& layer, const std::optional<Shape>& shape) {
  layer.add_input(0, shape);
  for (int top = 1; top < layer.tops(); ++top) {
    if (layer.has_user_shape(top))
      layer.add_input(top, std::nullopt);
    else
      layer.drop(top, "labels are for training");
  }
}

}  // namespace

void import_input(Layer& layer) {
  const auto& shapes = layer.spec().input_param().shape();
  if (shapes.size() > 1 && shapes.size() != layer.tops())
    fail(ErrorCode::kInvalidModel, "has {} shapes for {} tops; give one for all, or one a top",
         shapes.size(), layer.tops());
  for (int top = 0; top < layer.tops(); ++top) {
    const int i = shapes.size() == 1 ? 0 : top;
    layer.add_input(top, shapes.empty() ? std::nullopt : std::optional(to_shape(shapes[i])));
  }
}

void import_data(Layer& layer) {
  add_images(layer, cropped(layer.spec().data_param().batch_size(), kColorChannels,
                            layer.spec().transform_param()));
}

void import_annotated_data(Layer& layer) {
  const TransformationParameter& transform = layer.spec().transform_param();
  auto shape = cropped(layer.spec().data_param().batch_size(), kColorChannels, transform);
  if (!shape && transform.resize_param().height() > 0 && transform.resize_param().width() > 0)
    shape = Shape({layer.spec().data_param().batch_size(), kColorChannels,
                   transform.resize_param().height(), transform.resize_param().width()});
  add_images(layer, shape);
}

void import_image_data(Layer& layer) {
  const ImageDataParameter& param = layer.spec().image_data_param();
  const std::int64_t channels = param.is_color() ? kColorChannels : 1;
  auto shape = cropped(param.batch_size(), channels, layer.spec().transform_param());
  if (!shape && param.new_height() > 0 && param.new_width() > 0)
    shape = Shape({param.batch_size(), channels, param.new_height(), param.new_width()});
  add_images(layer, shape);
}

void import_window_data(Layer& layer) {
  add_images(layer, cropped(layer.spec().window_data_param().batch_size(), kColorChannels,
                            layer.spec().transform_param()));
}

void import_memory_data(Layer& layer) {
  const MemoryDataParameter& param = layer.spec().memory_data_param();
  add_images(layer, Shape({param.batch_size(), param.channels(), param.height(), param.width()}));
}

void import_hdf5_data(Layer& layer) { add_images(layer, std::nullopt); }

void import_dummy_data(Layer& layer) {
  const DummyDataParameter& param = layer.spec().dummy_data_param();
  const auto pick = [&](int size, int top, const char* what) {
    if (size != 1 && size != layer.tops())
      fail(ErrorCode::kInvalidModel, "has {} {} for {} tops; give one for all, or one a top", size,
           what, layer.tops());
    return size == 1 ? 0 : top;
  };
  // Where nothing else feeds the network, its dummies stand for what it runs on.
  const bool is_fed =
      layer.has_neighbour({"Input", "Data", "ImageData", "WindowData", "MemoryData", "HDF5Data",
                           "AnnotatedData", "DenseImageData", "VideoData"});
  for (int top = 0; top < layer.tops(); ++top) {
    Shape shape;
    if (param.shape_size() > 0)
      shape = to_shape(param.shape(pick(param.shape_size(), top, "shapes")));
    else
      shape = Shape({param.num(pick(param.num_size(), top, "num")),
                     param.channels(pick(param.channels_size(), top, "channels")),
                     param.height(pick(param.height_size(), top, "height")),
                     param.width(pick(param.width_size(), top, "width"))});
    FillerParameter filler;
    if (param.data_filler_size() > 0)
      filler = param.data_filler(pick(param.data_filler_size(), top, "fillers"));
    const bool is_input = layer.has_user_shape(top) || filler.type() != "constant" || !is_fed;
    if (!layer.is_read(top) && !layer.has_user_shape(top))
      layer.drop(top, "no layer reads it");
    else if (is_input)
      layer.add_input(top, shape);
    else
      layer.add_constant(top, shape, filler.value());
  }
}

void import_parameter(Layer& layer) {
  layer.add_parameter(0, to_shape(layer.spec().parameter_param().shape()));
}

}  // namespace kissa::caffe
