#include "import/caffe/upgrade.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace kissa::caffe {
namespace {

namespace pb = google::protobuf;

// ---- Copying fields between messages of different types

const pb::FieldDescriptor* find_field(const pb::Message& message, const std::string& name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

// Sets (or appends to) field `to` from `from`, which is set and not repeated, or its element
// `index`. Enums are matched by number, messages by type.
void copy_one(const pb::Message& src, const pb::FieldDescriptor& from, int index, pb::Message& dst,
              const pb::FieldDescriptor& to) {
  const pb::Reflection& in = *src.GetReflection();
  const pb::Reflection& out = *dst.GetReflection();
  KISSA_CHECK(from.cpp_type() == to.cpp_type());
  const bool is_element = from.is_repeated();
  const bool append = to.is_repeated();
  // Calls the accessor of the field's kind on both sides.
  const auto copy = [&](auto get, auto get_element, auto set, auto add) {
    const auto value = is_element ? (in.*get_element)(src, &from, index) : (in.*get)(src, &from);
    append ? (out.*add)(&dst, &to, value) : (out.*set)(&dst, &to, value);
  };
  using R = pb::Reflection;
  switch (from.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_INT32:
      return copy(&R::GetInt32, &R::GetRepeatedInt32, &R::SetInt32, &R::AddInt32);
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      return copy(&R::GetUInt32, &R::GetRepeatedUInt32, &R::SetUInt32, &R::AddUInt32);
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      return copy(&R::GetFloat, &R::GetRepeatedFloat, &R::SetFloat, &R::AddFloat);
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return copy(&R::GetBool, &R::GetRepeatedBool, &R::SetBool, &R::AddBool);
    case pb::FieldDescriptor::CPPTYPE_STRING:
      return copy(&R::GetString, &R::GetRepeatedString, &R::SetString, &R::AddString);
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return copy(&R::GetEnumValue, &R::GetRepeatedEnumValue, &R::SetEnumValue, &R::AddEnumValue);
    case pb::FieldDescriptor::CPPTYPE_MESSAGE: {
      const pb::Message& value =
          is_element ? in.GetRepeatedMessage(src, &from, index) : in.GetMessage(src, &from);
      pb::Message* copy_of = append ? out.AddMessage(&dst, &to) : out.MutableMessage(&dst, &to);
      return copy_of->CopyFrom(value);
    }
    default: KISSA_CHECK(false);
  }
}

void copy_field(const pb::Message& src, const pb::FieldDescriptor& from, pb::Message& dst,
                const pb::FieldDescriptor& to) {
  const int count = from.is_repeated() ? src.GetReflection()->FieldSize(src, &from) : 1;
  for (int i = 0; i < count; ++i) copy_one(src, from, i, dst, to);
}

std::vector<const pb::FieldDescriptor*> set_fields(const pb::Message& message) {
  std::vector<const pb::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  return fields;
}

// ---- V0

struct V0Type {
  const char* name;
  V1LayerParameter::LayerType type;
  const char* param;  // V1's field for the parameters of this type, or nullptr
};
constexpr V0Type kV0Types[] = {
    {"accuracy", V1LayerParameter::ACCURACY, nullptr},
    {"bnll", V1LayerParameter::BNLL, nullptr},
    {"concat", V1LayerParameter::CONCAT, "concat_param"},
    {"conv", V1LayerParameter::CONVOLUTION, "convolution_param"},
    {"data", V1LayerParameter::DATA, "data_param"},
    {"dropout", V1LayerParameter::DROPOUT, "dropout_param"},
    {"euclidean_loss", V1LayerParameter::EUCLIDEAN_LOSS, nullptr},
    {"flatten", V1LayerParameter::FLATTEN, nullptr},
    {"hdf5_data", V1LayerParameter::HDF5_DATA, "hdf5_data_param"},
    {"hdf5_output", V1LayerParameter::HDF5_OUTPUT, nullptr},
    {"im2col", V1LayerParameter::IM2COL, nullptr},
    {"images", V1LayerParameter::IMAGE_DATA, "image_data_param"},
    {"infogain_loss", V1LayerParameter::INFOGAIN_LOSS, "infogain_loss_param"},
    {"innerproduct", V1LayerParameter::INNER_PRODUCT, "inner_product_param"},
    {"lrn", V1LayerParameter::LRN, "lrn_param"},
    {"multinomial_logistic_loss", V1LayerParameter::MULTINOMIAL_LOGISTIC_LOSS, nullptr},
    {"pool", V1LayerParameter::POOLING, "pooling_param"},
    {"relu", V1LayerParameter::RELU, nullptr},
    {"sigmoid", V1LayerParameter::SIGMOID, nullptr},
    {"softmax", V1LayerParameter::SOFTMAX, nullptr},
    {"softmax_loss", V1LayerParameter::SOFTMAX_LOSS, nullptr},
    {"split", V1LayerParameter::SPLIT, nullptr},
    {"tanh", V1LayerParameter::TANH, nullptr},
    {"window_data", V1LayerParameter::WINDOW_DATA, "window_data_param"},
};

// Fields of V0 whose V1 namesake is called otherwise.
const std::map<std::string, std::string> kV0Renamed = {
    {"biasterm", "bias_term"},
    {"kernelsize", "kernel_size"},
    {"batchsize", "batch_size"},
    {"meanfile", "mean_file"},
    {"cropsize", "crop_size"},
    {"shuffle_images", "shuffle"},
    {"det_fg_threshold", "fg_threshold"},
    {"det_bg_threshold", "bg_threshold"},
    {"det_fg_fraction", "fg_fraction"},
    {"det_context_pad", "context_pad"},
    {"det_crop_mode", "crop_mode"},
};

// The message of the new layer that takes V0's field, or nullptr.
pb::Message* v0_target(const std::string& field, const V0Type& type, V1LayerParameter& layer) {
  for (const char* kept : {"name", "blobs", "blobs_lr", "weight_decay"})
    if (field == kept) return &layer;
  if (field == "hdf5_output_param") return type.type == layer.HDF5_OUTPUT ? &layer : nullptr;
  for (const char* transform : {"scale", "meanfile", "cropsize", "mirror"})
    if (field == transform) return layer.mutable_transform_param();
  if (type.param == nullptr) return nullptr;
  return layer.GetReflection()->MutableMessage(&layer, find_field(layer, type.param));
}

V1LayerParameter upgrade_v0_layer(const V1LayerParameter& old, const std::string& where) {
  const V0LayerParameter& v0 = old.layer();
  const auto* type = std::find_if(std::begin(kV0Types), std::end(kV0Types),
                                  [&](const V0Type& t) { return v0.type() == t.name; });
  if (type == std::end(kV0Types))
    fail(ErrorCode::kInvalidModel, "{}: layer '{}': unknown V0 layer type '{}'", where, v0.name(),
         v0.type());
  V1LayerParameter layer;
  layer.set_type(type->type);
  *layer.mutable_bottom() = old.bottom();
  *layer.mutable_top() = old.top();
  for (const pb::FieldDescriptor* from : set_fields(v0)) {
    if (from->name() == "type") continue;
    const auto renamed = kV0Renamed.find(from->name());
    pb::Message* target = v0_target(from->name(), *type, layer);
    const pb::FieldDescriptor* to =
        target == nullptr
            ? nullptr
            : find_field(*target, renamed == kV0Renamed.end() ? from->name() : renamed->second);
    if (to != nullptr)
      copy_field(v0, *from, *target, *to);
    else
      log(LogLevel::kWarning, "{}: layer '{}': '{}' means nothing to type '{}'; ignored", where,
          v0.name(), from->name(), v0.type());
  }
  return layer;
}

// Gives a layer that reads a padding layer its pad and the padding layer's own bottom.
void absorb_padding(V1LayerParameter& layer, const V1LayerParameter& padding,
                    const std::string& where) {
  const std::string& type = layer.layer().type();
  if ((type != "conv" && type != "pool") || layer.bottom_size() != 1 ||
      padding.bottom_size() != 1 || padding.top_size() != 1)
    fail(ErrorCode::kInvalidModel,
         "{}: layer '{}': reads padding layer '{}', which only a convolution or pooling of one "
         "bottom can do",
         where, layer.layer().name(), padding.layer().name());
  layer.mutable_layer()->set_pad(padding.layer().pad());
  layer.set_bottom(0, padding.bottom(0));
}

// Drops padding layers. A padding layer's bottom is never another's top: Caffe's files have none.
void merge_padding(NetworkFile& file) {
  const auto old = std::exchange(*file.net.mutable_layers(), {});
  const std::vector<int> old_lines = std::exchange(file.lines, {});
  std::map<std::string, const V1LayerParameter*> makers;  // of each blob, the last so far
  for (int i = 0; i < old.size(); ++i) {
    const bool is_padding = old[i].layer().type() == "padding";
    const int line = old_lines[static_cast<std::size_t>(i)];
    V1LayerParameter layer = old[i];
    for (const std::string& bottom : old[i].bottom()) {
      const auto maker = makers.find(bottom);
      if (maker != makers.end() && maker->second->layer().type() == "padding")
        absorb_padding(layer, *maker->second, file.where(line));
    }
    for (const std::string& top : old[i].top()) makers[top] = &old[i];
    if (is_padding) continue;
    *file.net.add_layers() = std::move(layer);
    file.lines.push_back(line);
  }
}

// ---- V1

struct V1Type {
  V1LayerParameter::LayerType type;
  const char* name;
};
constexpr V1Type kV1Types[] = {
    {V1LayerParameter::NONE, ""},
    {V1LayerParameter::ABSVAL, "AbsVal"},
    {V1LayerParameter::ACCURACY, "Accuracy"},
    {V1LayerParameter::ARGMAX, "ArgMax"},
    {V1LayerParameter::BNLL, "BNLL"},
    {V1LayerParameter::CONCAT, "Concat"},
    {V1LayerParameter::CONTRASTIVE_LOSS, "ContrastiveLoss"},
    {V1LayerParameter::CONVOLUTION, "Convolution"},
    {V1LayerParameter::DATA, "Data"},
    {V1LayerParameter::DECONVOLUTION, "Deconvolution"},
    {V1LayerParameter::DROPOUT, "Dropout"},
    {V1LayerParameter::DUMMY_DATA, "DummyData"},
    {V1LayerParameter::ELTWISE, "Eltwise"},
    {V1LayerParameter::EUCLIDEAN_LOSS, "EuclideanLoss"},
    {V1LayerParameter::EXP, "Exp"},
    {V1LayerParameter::FLATTEN, "Flatten"},
    {V1LayerParameter::HDF5_DATA, "HDF5Data"},
    {V1LayerParameter::HDF5_OUTPUT, "HDF5Output"},
    {V1LayerParameter::HINGE_LOSS, "HingeLoss"},
    {V1LayerParameter::IM2COL, "Im2col"},
    {V1LayerParameter::IMAGE_DATA, "ImageData"},
    {V1LayerParameter::INFOGAIN_LOSS, "InfogainLoss"},
    {V1LayerParameter::INNER_PRODUCT, "InnerProduct"},
    {V1LayerParameter::LRN, "LRN"},
    {V1LayerParameter::MEMORY_DATA, "MemoryData"},
    {V1LayerParameter::MULTINOMIAL_LOGISTIC_LOSS, "MultinomialLogisticLoss"},
    {V1LayerParameter::MVN, "MVN"},
    {V1LayerParameter::POOLING, "Pooling"},
    {V1LayerParameter::POWER, "Power"},
    {V1LayerParameter::RELU, "ReLU"},
    {V1LayerParameter::SIGMOID, "Sigmoid"},
    {V1LayerParameter::SIGMOID_CROSS_ENTROPY_LOSS, "SigmoidCrossEntropyLoss"},
    {V1LayerParameter::SILENCE, "Silence"},
    {V1LayerParameter::SLICE, "Slice"},
    {V1LayerParameter::SOFTMAX, "Softmax"},
    {V1LayerParameter::SOFTMAX_LOSS, "SoftmaxWithLoss"},
    {V1LayerParameter::SPLIT, "Split"},
    {V1LayerParameter::TANH, "TanH"},
    {V1LayerParameter::THRESHOLD, "Threshold"},
    {V1LayerParameter::WINDOW_DATA, "WindowData"},
};

const char* v1_type_name(V1LayerParameter::LayerType type) {
  const auto* row = std::find_if(std::begin(kV1Types), std::end(kV1Types),
                                 [&](const V1Type& t) { return t.type == type; });
  KISSA_CHECK(row != std::end(kV1Types));
  return row->name;
}

// Scale, mean, crop and mirror of a data layer, once its own fields, go to transform_param.
template <class DataParam>
void move_transformation(DataParam& data, TransformationParameter& transform) {
  for (const char* name : {"scale", "mean_file", "crop_size", "mirror"}) {
    const pb::FieldDescriptor* from = find_field(data, name);
    if (!data.GetReflection()->HasField(data, from)) continue;
    copy_field(data, *from, transform, *find_field(transform, name));
    data.GetReflection()->ClearField(&data, from);
  }
}

void upgrade_data_layer(V1LayerParameter& layer) {
  if (layer.type() == layer.DATA)
    move_transformation(*layer.mutable_data_param(), *layer.mutable_transform_param());
  if (layer.type() == layer.IMAGE_DATA)
    move_transformation(*layer.mutable_image_data_param(), *layer.mutable_transform_param());
  if (layer.type() == layer.WINDOW_DATA)
    move_transformation(*layer.mutable_window_data_param(), *layer.mutable_transform_param());
}

// V1 says in four lists side by side what V2 says in one ParamSpec a learned blob.
void upgrade_params(const V1LayerParameter& old, LayerParameter& layer) {
  const auto spec = [&](int i) {
    while (layer.param_size() <= i) layer.add_param();
    return layer.mutable_param(i);
  };
  for (int i = 0; i < old.param_size(); ++i) spec(i)->set_name(old.param(i));
  for (int i = 0; i < old.blob_share_mode_size(); ++i)
    spec(i)->set_share_mode(old.blob_share_mode(i) == old.PERMISSIVE ? ParamSpec::PERMISSIVE
                                                                     : ParamSpec::STRICT);
  for (int i = 0; i < old.blobs_lr_size(); ++i) spec(i)->set_lr_mult(old.blobs_lr(i));
  for (int i = 0; i < old.weight_decay_size(); ++i) spec(i)->set_decay_mult(old.weight_decay(i));
}

LayerParameter upgrade_v1_layer(V1LayerParameter old) {
  upgrade_data_layer(old);
  LayerParameter layer;
  upgrade_params(old, layer);
  if (old.has_type()) layer.set_type(v1_type_name(old.type()));
  for (const char* gone : {"layer", "type", "param", "blob_share_mode", "blobs_lr", "weight_decay"})
    old.GetReflection()->ClearField(&old, find_field(old, gone));
  for (const pb::FieldDescriptor* from : set_fields(old))
    copy_field(old, *from, layer, *find_field(layer, from->name()));
  return layer;
}

}  // namespace

void upgrade_v0(NetworkFile& file) {
  auto& layers = *file.net.mutable_layers();
  if (std::none_of(layers.begin(), layers.end(), [](const auto& l) { return l.has_layer(); }))
    return;
  merge_padding(file);
  for (int i = 0; i < layers.size(); ++i)
    if (layers[i].has_layer())
      layers[i] = upgrade_v0_layer(layers[i], file.where(file.lines[static_cast<std::size_t>(i)]));
}

void upgrade_v1(NetworkFile& file) {
  if (file.net.layers_size() == 0) return;
  if (file.net.layer_size() > 0)
    fail(ErrorCode::kInvalidModel,
         "{}: has both 'layer' and 'layers' fields; a file is in one format or the other",
         file.path);
  for (V1LayerParameter& layer : *file.net.mutable_layers())
    *file.net.add_layer() = upgrade_v1_layer(std::move(layer));
  file.net.clear_layers();
}

void upgrade_inputs(NetworkFile& file) {
  NetParameter& net = file.net;
  if (net.input_size() == 0) return;
  LayerParameter layer;
  layer.set_name("input");
  layer.set_type("Input");
  *layer.mutable_top() = net.input();
  const bool has_shapes = net.input_shape_size() > 0;
  if (has_shapes && net.input_shape_size() != net.input_size())
    fail(ErrorCode::kInvalidModel, "{}: has {} input_shape for {} input",
         file.where(file.input_line), net.input_shape_size(), net.input_size());
  if (!has_shapes && net.input_dim_size() > 0 && net.input_dim_size() != 4 * net.input_size())
    fail(ErrorCode::kInvalidModel, "{}: has {} input_dim for {} input; each input takes four",
         file.where(file.input_line), net.input_dim_size(), net.input_size());
  InputParameter& input = *layer.mutable_input_param();
  *input.mutable_shape() = net.input_shape();
  if (!has_shapes)
    for (int i = 0; i < net.input_dim_size(); ++i)
      (i % 4 == 0 ? input.add_shape() : input.mutable_shape(i / 4))->add_dim(net.input_dim(i));

  *net.add_layer() = std::move(layer);
  for (int i = net.layer_size() - 1; i > 0; --i) net.mutable_layer()->SwapElements(i, i - 1);
  file.lines.insert(file.lines.begin(), file.input_line);
  net.clear_input();
  net.clear_input_shape();
  net.clear_input_dim();
}

void upgrade(NetworkFile& file) {
  upgrade_v0(file);
  upgrade_v1(file);
  upgrade_inputs(file);
}

}  // namespace kissa::caffe
