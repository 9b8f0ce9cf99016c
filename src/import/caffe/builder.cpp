#include "import/caffe/builder.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/near_match.h"
#include "base/system.h"
#include "import/caffe/layers.h"
#include "import/caffe/state.h"

namespace kissa::caffe {
namespace {

// Caffe counts a top at the place of a bottom of the same name as that blob, changed in place.
bool is_in_place(const LayerParameter& layer, int top) {
  return top < layer.bottom_size() && layer.bottom(top) == layer.top(top);
}

template <class Items, class Item>
bool contains(const Items& items, const Item& item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

}  // namespace

// ---- Builder

Builder::Builder(const NetworkFile& file, const ImportOptions& options, const WeightFile* weights)
    : file_(file),
      options_(options),
      state_(file.net.state()),
      parameters_(graph_, weights, options.random_seed) {
  state_.set_phase(options.train_phase ? TRAIN : TEST);
  state_.set_level(options.level);
  for (const std::string& stage : options.stages) state_.add_stage(stage);
  graph_.name = file.net.name();
}

std::string Builder::place(int index) const {
  return file_.where(file_.lines[static_cast<std::size_t>(index)]);
}

std::string Builder::where(int index) const { return describe_layer(spec(index), place(index)); }

Graph Builder::build() {
  if (file_.net.layer_size() == 0)
    fail(ErrorCode::kInvalidModel, "{}: defines no layers", file_.path);
  state_precision();
  choose_members();
  for (const int index : members_)
    with_context([&] { return where(index); }, [&] { add_layer(index); });
  check_user_shapes();
  parameters_.finish();
  add_outputs();
  graph_.verify();
  return std::move(graph_);
}

// NVCaffe's files may ask for half precision; how a network runs is not the file's to say.
void Builder::state_precision() const {
  const NetParameter& net = file_.net;
  const auto is_half = [](const auto& layer) {
    return layer.forward_type() == FLOAT16 || layer.forward_math() == FLOAT16;
  };
  if (net.default_forward_type() == FLOAT16 || net.default_forward_math() == FLOAT16 ||
      std::any_of(net.layer().begin(), net.layer().end(), is_half))
    log(LogLevel::kWarning,
        "{}: asks for FLOAT16, which is not taken from the file: --precision fp16 or bf16 gives it",
        file_.path);
}

void Builder::choose_members() {
  for (int i = 0; i < file_.net.layer_size(); ++i)
    with_context([&] { return where(i); },
                 [&] {
                   if (belongs(spec(i), state_)) members_.push_back(i);
                 });
}

void Builder::add_layer(int index) {
  const LayerType* type = find_layer_type(spec(index).type());
  if (const std::string* bottom = find_dropped_bottom(index)) return drop_layer(index, *bottom);
  if (type == nullptr) fail_unsupported_type();
  check_counts(*type, spec(index));
  check_tops_are_new(index);

  std::vector<ValueId> bottoms;
  std::map<std::string, bool> was_read;
  for (const std::string& bottom : spec(index).bottom()) {
    Blob& blob = blobs_.at(bottom);
    was_read.emplace(bottom, blob.is_read);
    blob.is_read = true;
    bottoms.push_back(blob.value);
  }
  Layer layer(*this, index, std::move(bottoms));
  type->import(layer);
  if (layer.is_left_out_)
    for (const auto& [bottom, is_read] : was_read) blobs_.at(bottom).is_read = is_read;
  parameters_.load(spec(index), layer.blobs_, layer.has_other_shapes_);
}

const std::string* Builder::find_dropped_bottom(int index) const {
  const std::string* dropped = nullptr;
  for (const std::string& bottom : spec(index).bottom()) {
    const auto blob = blobs_.find(bottom);
    if (blob == blobs_.end()) fail_unknown_bottom(index, bottom);
    if (blob->second.value == kNone && dropped == nullptr) dropped = &bottom;
  }
  return dropped;
}

void Builder::fail_unknown_bottom(int index, const std::string& bottom) const {
  std::string why;
  for (int i = 0; i < file_.net.layer_size() && why.empty(); ++i) {
    if (!contains(spec(i).top(), bottom)) continue;
    if (!contains(members_, i))
      why = fmt::format(": {} makes it, which the network leaves out in this phase and stage",
                        where(i));
    else if (i >= index)
      why = fmt::format(": {} makes it, too late: a cycle, or layers in the wrong order", where(i));
  }
  if (why.empty()) {
    std::vector<std::string_view> names;
    for (const auto& [name, blob] : blobs_) names.push_back(name);
    why = did_you_mean(bottom, std::move(names));
  }
  fail(ErrorCode::kInvalidModel, "bottom '{}' is no blob of the layers before{}", bottom, why);
}

void Builder::drop_layer(int index, const std::string& bottom) {
  const std::string& type = spec(index).type();
  const bool is_measure = type == "Accuracy" || type.ends_with("Loss");
  log(is_measure ? LogLevel::kInfo : LogLevel::kWarning, "{}: left out, because it reads '{}': {}",
      where(index), bottom, blobs_.at(bottom).reason);
  for (const std::string& top : spec(index).top())
    blobs_[top] = {.reason =
                       fmt::format("made by layer '{}', which is left out", spec(index).name())};
}

void Builder::check_tops_are_new(int index) const {
  const auto& tops = spec(index).top();
  for (int i = 0; i < tops.size(); ++i) {
    const bool is_twice = std::find(tops.begin(), tops.begin() + i, tops[i]) != tops.begin() + i;
    if (is_twice || (blobs_.contains(tops[i]) && !is_in_place(spec(index), i)))
      fail(ErrorCode::kInvalidModel,
           "duplicate top '{}': a layer before makes it, and this one does not work in place",
           tops[i]);
  }
}

void Builder::add_outputs() {
  for (const auto& [name, blob] : blobs_)
    if (blob.value != kNone && !blob.is_read && !graph_.value(blob.value).is_constant)
      graph_.add_output(blob.value);
}

void Builder::check_user_shapes() const {
  std::vector<std::string_view> inputs;
  for (const ValueId id : graph_.inputs()) inputs.push_back(graph_.value(id).name);
  for (const auto& [name, shape] : options_.input_shapes)
    if (!contains(inputs, name))
      fail(ErrorCode::kInvalidArgument, "'{}' is no input of {}; its inputs are: {}", name,
           file_.path, fmt::join(inputs, ", "));
}

// ---- Layer

Shape Layer::bottom_shape(int i) const { return builder_.graph_.value(bottom(i)).shape; }

bool Layer::is_training() const {
  return (spec().has_phase() ? spec().phase() : builder_.state_.phase()) == TRAIN;
}

void Layer::add(const Op& op) {
  add_tops(op, bottoms_, {spec().top().begin(), spec().top().end()}, spec().name());
}

void Layer::add_each(const Op& op) {
  if (bottoms() != tops())
    fail(ErrorCode::kInvalidModel, "takes as many bottoms as it gives tops, not {} and {}",
         bottoms(), tops());
  if (bottoms() == 1) return add(op);
  for (int i = 0; i < bottoms(); ++i)
    add_tops(op, {bottom(i)}, {spec().top(i)}, fmt::format("{}[{}]", spec().name(), i));
}

void Layer::add_fan_out(const Op& op) {
  if (tops() == 1) return add(op);
  for (int i = 0; i < tops(); ++i)
    add_tops(op, {bottom(0)}, {spec().top(i)}, fmt::format("{}[{}]", spec().name(), i));
}

std::vector<ValueId> Layer::params_for(const Op& op, const Shapes& in) {
  const auto params = params_of(op, in);
  if (params.empty()) return {};
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (i == blobs_.size())
      blobs_.push_back(builder_.parameters_.add(spec(), static_cast<int>(i), params[i]));
    const Shape& shape = builder_.graph_.value(blobs_[i]).shape;
    if (shape != params[i].shape)
      fail(ErrorCode::kInvalidModel, "its bottoms do not fit together: {} would be {} and {}",
           params[i].name, shape.to_string(), params[i].shape.to_string());
  }
  return blobs_;
}

NodeId Layer::add_node(const Op& op, std::vector<ValueId> inputs, std::vector<std::string> outputs,
                       std::string name, std::vector<ValueId> params) {
  // The shape rule first here, so that its complaint comes without the graph's own context.
  const Shapes in = builder_.graph_.shapes_of(inputs);
  const Shapes out = infer(op, in);
  const std::size_t tops_given = out.size() - (counted_axis(op) ? 1 : 0);
  if (tops_given != outputs.size())
    fail(ErrorCode::kInvalidModel, "gives {} top(s), not {}", tops_given, outputs.size());
  if (counted_axis(op)) outputs.push_back(fmt::format("{}.count", name));
  return builder_.graph_.add_node(
      {.name = std::move(name),
       .op = op,
       .inputs = std::move(inputs),
       .params = params.empty() ? params_for(op, in) : std::move(params),
       .where = builder_.place(index_),
       .layers = {spec().name()}},
      outputs);
}

void Layer::add_tops(const Op& op, std::vector<ValueId> inputs,
                     const std::vector<std::string>& tops, std::string name,
                     std::vector<ValueId> params) {
  const NodeId id = add_node(op, std::move(inputs), tops, std::move(name), std::move(params));
  for (std::size_t i = 0; i < tops.size(); ++i)
    builder_.blobs_[tops[i]] = {.value = builder_.graph_.node(id).outputs[i]};
}

ValueId Layer::add_step(const Op& op, std::vector<ValueId> inputs, const std::string& step,
                        std::vector<ValueId> params) {
  const std::string name = fmt::format("{}/{}", spec().name(), step);
  const NodeId id = add_node(op, std::move(inputs), {name}, name, std::move(params));
  return builder_.graph_.node(id).outputs[0];
}

void Layer::add_last_step(const Op& op, std::vector<ValueId> inputs, std::vector<ValueId> params) {
  add_tops(op, std::move(inputs), {spec().top(0)}, spec().name(), std::move(params));
}

ValueId Layer::add_blob(const kissa::ParamSpec& blob) {
  blobs_.push_back(builder_.parameters_.add(spec(), static_cast<int>(blobs_.size()), blob));
  return blobs_.back();
}

ValueId Layer::add_constant(const std::string& name, const Shape& shape, std::vector<float> data) {
  KISSA_CHECK(shape.elements() == std::ssize(data));
  const auto owner = std::make_shared<const std::vector<float>>(std::move(data));
  return builder_.graph_.add_constant(fmt::format("{}.{}", spec().name(), name), shape,
                                      ConstantData(owner, owner->data()));
}

void Layer::add_with_constant(const Op& op, const std::string& name, const Shape& shape,
                              std::vector<float> data) {
  bottoms_.push_back(add_constant(name, shape, std::move(data)));
  add(op);
}

void Layer::add_input(int top, const std::optional<Shape>& shape) {
  const std::string& name = spec().top(top);
  const auto user = builder_.options_.input_shapes.find(name);
  const bool is_users = user != builder_.options_.input_shapes.end();
  if (!is_users && !shape)
    fail(ErrorCode::kInvalidModel,
         "the file gives no shape for input '{}'; pass one, as in --shape {}:1x3x224x224", name,
         name);
  const Shape& chosen = is_users ? user->second : *shape;
  if (chosen.elements() == 0)
    fail(ErrorCode::kInvalidModel, "input '{}' of shape {} has no elements", name,
         chosen.to_string());
  builder_.blobs_[name] = {.value = builder_.graph_.add_input(name, chosen)};
}

void Layer::add_constant(int top, const Shape& shape, float value) {
  const std::int64_t bytes = shape.elements() * size_of(DataType::kF32);
  if (bytes > available_memory())
    fail(ErrorCode::kOutOfMemory, "constant '{}' of shape {} does not fit in memory",
         spec().top(top), shape.to_string());
  const auto count = static_cast<std::size_t>(shape.elements());
  const auto data = std::make_shared_for_overwrite<float[]>(count);
  std::fill_n(data.get(), count, value);
  builder_.blobs_[spec().top(top)] = {.value = builder_.graph_.add_constant(
                                          spec().top(top), shape, ConstantData(data, data.get()))};
}

void Layer::add_constant(int top, const Shape& shape, std::vector<float> data) {
  builder_.blobs_[spec().top(top)] = {.value =
                                          add_constant(spec().top(top), shape, std::move(data))};
}

void Layer::add_parameter(int top, const Shape& shape) {
  blobs_ = {builder_.parameters_.add(spec(), 0, {"weight", shape})};
  builder_.blobs_[spec().top(top)] = {.value = blobs_[0]};
}

void Layer::drop(int top, const std::string& reason) {
  log_info(fmt::format("'{}' is left out: {}", spec().top(top), reason));
  builder_.blobs_[spec().top(top)] = {.reason = reason};
}

void Layer::leave_out(const std::string& reason) {
  log(LogLevel::kWarning, "{}: left out: {}", builder_.where(index_), reason);
  is_left_out_ = true;
  for (const std::string& top : spec().top())
    builder_.blobs_[top] = {
        .reason = fmt::format("made by layer '{}', which is left out", spec().name())};
}

bool Layer::has_user_shape(int top) const {
  return builder_.options_.input_shapes.contains(spec().top(top));
}

bool Layer::is_read(int top) const {
  return std::any_of(builder_.members_.begin(), builder_.members_.end(), [&](int member) {
    return member > index_ && contains(builder_.spec(member).bottom(), spec().top(top));
  });
}

bool Layer::has_neighbour(std::initializer_list<std::string_view> types) const {
  return std::any_of(builder_.members_.begin(), builder_.members_.end(), [&](int member) {
    return std::find(types.begin(), types.end(), builder_.spec(member).type()) != types.end();
  });
}

void Layer::log_info(const std::string& text) const {
  log(LogLevel::kInfo, "{}: {}", builder_.where(index_), text);
}

}  // namespace kissa::caffe
