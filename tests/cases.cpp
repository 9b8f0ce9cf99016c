#include "cases.h"

#include <algorithm>
#include <fstream>
#include <random>

#include "case_fields.h"
#include "ops/fields.h"

namespace kissa {
namespace {

using cases::Fields;
using cases::split_words;

// Fills the fields of an op whose first input has shape `in`. Keys bear the fields' names.
struct CaseReader {
  Fields& fields;
  const Shape& in;

  template <class T>
  void field(std::string_view key, T& value) {
    fields.take(key, value);
  }

  template <class T, class Names>
  void choice(std::string_view key, T& value, const Names& names) {
    fields.take(key, value, names);
  }

  // One number stands for all axes.
  void window(std::string_view key, std::vector<std::int64_t>& values, int axis,
              std::int64_t usual) {
    const int axes = in.rank() - in.canonical_axis(axis) - 1;
    values = {usual};
    fields.take(key, values);
    if (values.size() == 1) values.resize(static_cast<std::size_t>(std::max(axes, 0)), values[0]);
  }
};

// y = a x + b: stands for all plugins.
class CaseAxpb final : public plugin::Layer {
 public:
  static std::unique_ptr<plugin::Layer> create(const plugin::Parameters& parameters) {
    auto layer = std::make_unique<CaseAxpb>();
    layer->a_ = static_cast<float>(parameters.number("a", 1.0));
    layer->b_ = static_cast<float>(parameters.number("b", 0.0));
    return layer;
  }
  std::vector<plugin::Dims> outputs(const std::vector<plugin::Dims>& inputs) const override {
    return inputs;
  }
  void run(std::span<const plugin::Input> inputs, std::span<const plugin::Input>,
           std::span<const plugin::Output> outputs) const override {
    const std::int64_t count = Shape(inputs[0].dims).elements();
    for (std::int64_t i = 0; i < count; ++i) outputs[0].data[i] = a_ * inputs[0].data[i] + b_;
  }

 private:
  float a_ = 1.0f;
  float b_ = 0.0f;
};

Op read_op(std::string_view name, Fields& fields, const Shape& in) {
  std::optional<Op> op = op_named(name);
  if (!op) fail(ErrorCode::kInvalidFile, "no op has the name '{}'", name);
  CaseReader reader{fields, in};
  visit_op_fields(*op, reader);
  return *op;
}

void fill_tensor(std::vector<float>& tensor, const Fill& fill, std::mt19937& random) {
  for (float& value : tensor) {
    const double unit = static_cast<double>(random()) / 4294967296.0;  // in [0, 1)
    if (fill.integers) {
      const double count = static_cast<double>(fill.high) - fill.low + 1.0;
      value = fill.low + static_cast<float>(static_cast<std::int64_t>(unit * count));
    } else {
      value = static_cast<float>(fill.low + unit * (static_cast<double>(fill.high) - fill.low));
    }
  }
}

Fill fill_of(const ParamSpec& param) {
  const bool positive = param.name == "variance" || param.name == "scale_factor";
  return positive ? Fill{.low = 0.25f, .high = 2.0f} : Fill{};
}

}  // namespace

OpCase parse_case(std::string_view line) {
  static const plugin::LayerType kTypes[] = {{"CaseAxpb", nullptr, &CaseAxpb::create}};
  static const plugin::Library kLibrary = {plugin::kVersion, kTypes, std::size(kTypes)};
  add_custom_types(kLibrary, "tests/cases");
  const auto words = split_words(line);
  if (words.size() < 2) fail(ErrorCode::kInvalidFile, "a case is: name op key=value ... in=shape");
  Fields fields({words.begin() + 2, words.end()});
  OpCase op_case;
  op_case.name = words[0];
  fields.take("in", op_case.in);
  if (op_case.in.empty()) fail(ErrorCode::kInvalidFile, "there is no in=shape");
  fields.take("fill", op_case.fills);
  op_case.fills.resize(op_case.in.size());
  fields.take("finite", op_case.finite);
  fields.take("large", op_case.large);
  op_case.op = read_op(words[1], fields, op_case.in[0]);
  fields.expect_all_taken();
  return op_case;
}

std::vector<OpCase> read_cases(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) fail(ErrorCode::kInvalidFile, "cannot read {}", file.string());
  std::vector<OpCase> cases;
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    if (split_words(line).empty()) continue;
    cases.push_back(with_context([&] { return fmt::format("{}:{}", file.string(), number); },
                                 [&] { return parse_case(line); }));
  }
  return cases;
}

std::vector<OpCase> read_all_cases(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<OpCase> cases;
  for (const auto& file : files)
    for (OpCase& op_case : read_cases(file)) cases.push_back(std::move(op_case));
  return cases;
}

CaseData::CaseData(const OpCase& op_case, std::uint32_t seed) : shapes_(op_case.in) {
  std::vector<Fill> fills = op_case.fills;
  for (const ParamSpec& param : params_of(op_case.op, op_case.in)) {
    shapes_.push_back(param.shape);
    fills.push_back(fill_of(param));
  }
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    tensors_.emplace_back(static_cast<std::size_t>(shapes_[i].elements()));
    fill_tensor(tensors_.back(), fills[i], random);
  }
}

std::vector<ConstTensor> CaseData::views() const {
  std::vector<ConstTensor> views;
  for (std::size_t i = 0; i < shapes_.size(); ++i)
    views.push_back({tensors_[i].data(), shapes_[i]});
  return views;
}

}  // namespace kissa
