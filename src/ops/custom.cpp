#include "ops/custom.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

namespace kissa {
namespace {

// The types of all plugins, and the layers that were made of them. Nothing is ever taken out.
struct Registry {
  std::mutex mutex;
  std::vector<const plugin::LayerType*> types;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<plugin::Layer>> layers;
};

Registry& registry() {
  static Registry all;
  return all;
}

template <class Body>
auto in_plugin(const Body& body) {
  try {
    return body();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail(ErrorCode::kInvalidModel, "{}", error.what());
  }
}

const plugin::Layer& layer_of(const Custom& op) {
  const plugin::LayerType* type = find_custom_type(op.type);
  if (type == nullptr)
    fail(ErrorCode::kUnsupported,
         "layer type '{}' is of a plugin that was not given; give it with --plugin", op.type);
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  auto& layer = all.layers[{op.type, op.parameters}];
  if (layer == nullptr)
    layer = in_plugin([&] { return type->create(parse_parameters(op.parameters)); });
  if (layer == nullptr)
    fail(ErrorCode::kInvalidModel, "the plugin makes no layer of type '{}'", op.type);
  return *layer;
}

std::vector<plugin::Dims> dims_of(const Shapes& shapes) {
  std::vector<plugin::Dims> dims;
  for (const Shape& shape : shapes) dims.push_back(shape.dims());
  return dims;
}

// ---- The text of parameters

class ParameterReader {
 public:
  explicit ParameterReader(std::string_view text) : text_(text) {}

  std::vector<plugin::Parameters::Field> read() {
    read_fields("", false);
    return std::move(fields_);
  }

 private:
  static constexpr int kMaxDepth = 32;

  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '+' || c == '-';
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (std::string_view(" \t\r\n,;").find(text_[at_]) == std::string_view::npos)
        return;
      else
        ++at_;
    }
  }

  bool take(char wanted) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  std::string word() {
    skip_blanks();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (at_ == begin) refuse();
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string value() {
    skip_blanks();
    if (at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\'')) return word();
    const char quote = text_[at_++];
    std::string content;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      content += text_[at_];
    }
    if (!take(quote)) refuse();
    return content;
  }

  void read_fields(const std::string& prefix, bool is_inner) {
    if (++depth_ > kMaxDepth) refuse();
    while (!(is_inner && take('}'))) {
      skip_blanks();
      if (at_ == text_.size()) {
        if (is_inner) refuse();
        break;
      }
      const std::string name = prefix + word();
      const bool has_colon = take(':');
      if (take('{'))
        read_fields(name + ".", true);
      else if (!has_colon)
        refuse();
      else if (take('['))
        while (!take(']')) fields_.emplace_back(name, value());
      else
        fields_.emplace_back(name, value());
    }
    --depth_;
  }

  [[noreturn]] void refuse() const {
    fail(ErrorCode::kInvalidModel, "its parameters are no 'name: value' list at '{}'",
         text_.substr(std::min(at_, text_.size()), 20));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<plugin::Parameters::Field> fields_;
};

}  // namespace

plugin::Parameters parse_parameters(std::string_view text) {
  return plugin::Parameters(ParameterReader(text).read());
}

void add_custom_types(const plugin::Library& library, const std::string& where) {
  if (library.version != plugin::kVersion)
    fail(ErrorCode::kInvalidArgument,
         "{}: was built for version {} of kissa/plugin.h, but this is version {}", where,
         library.version, plugin::kVersion);
  for (std::size_t i = 0; i < library.count; ++i) {
    const plugin::LayerType& type = library.types[i];
    const plugin::LayerType* known = find_custom_type(type.name);
    if (known != nullptr && known != &type)
      fail(ErrorCode::kInvalidArgument, "{}: another plugin has layer type '{}' too", where,
           type.name);
    if (known != nullptr) continue;
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    all.types.push_back(&type);
  }
}

const plugin::LayerType* find_custom_type(std::string_view name) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const auto it = std::find_if(all.types.begin(), all.types.end(),
                               [&](const plugin::LayerType* type) { return name == type->name; });
  return it == all.types.end() ? nullptr : *it;
}

std::vector<const plugin::LayerType*> custom_types() {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  return all.types;
}

std::vector<ParamSpec> Custom::params(const Shapes& in) const {
  const plugin::Layer& layer = layer_of(*this);
  std::vector<ParamSpec> specs;
  for (const plugin::Param& param : in_plugin([&] { return layer.params(dims_of(in)); }))
    specs.push_back({param.name, Shape(param.dims)});
  return specs;
}

Shapes Custom::infer(const Shapes& in) const {
  expect_inputs(in, static_cast<std::size_t>(inputs));
  const plugin::Layer& layer = layer_of(*this);
  Shapes out;
  for (plugin::Dims& dims : in_plugin([&] { return layer.outputs(dims_of(in)); }))
    out.emplace_back(std::move(dims));
  return out;
}

Arithmetic Custom::arithmetic(const Shapes& in, const Shapes& out) const {
  const plugin::Layer& layer = layer_of(*this);
  const plugin::Work work = in_plugin([&] { return layer.work(dims_of(in), dims_of(out)); });
  const auto count = [](std::int64_t number) {
    return count_of(std::max<std::int64_t>(0, number), 1);
  };
  return {count(work.multiply_adds), count(work.other)};
}

void Custom::reference(ConstTensors x, Tensors y) const {
  const plugin::Layer& layer = layer_of(*this);
  std::vector<plugin::Input> all;
  for (const ConstTensor& tensor : x) all.push_back({tensor.data, tensor.shape.dims()});
  std::vector<plugin::Output> outputs;
  for (const Tensor& tensor : y) outputs.push_back({tensor.data, tensor.shape.dims()});
  const std::span<const plugin::Input> span(all);
  const auto count = static_cast<std::size_t>(inputs);
  layer.run(span.first(count), span.subspan(count), outputs);
}

std::string Custom::describe() const {
  const std::string text = in_plugin([&] { return layer_of(*this).describe(); });
  return text.empty() ? type : type + ": " + text;
}

}  // namespace kissa
