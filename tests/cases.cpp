#include "cases.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <type_traits>
#include <utility>

#include "case_fields.h"

namespace kissa {
namespace {

using cases::Fields;
using cases::split_words;

// One number stands for all `axes`.
void take_spatial(Fields& fields, std::string_view key, std::size_t axes, std::int64_t otherwise,
                  std::vector<std::int64_t>& values) {
  values = {otherwise};
  fields.take(key, values);
  if (values.size() == 1) values.resize(axes, values[0]);
}

template <class T>
void take_window(Fields& fields, const Shape& in, T& op) {
  const auto axes =
      static_cast<std::size_t>(std::max(in.rank() - in.canonical_axis(op.axis) - 1, 0));
  take_spatial(fields, "kernel", axes, 1, op.kernel);
  take_spatial(fields, "stride", axes, 1, op.stride);
  take_spatial(fields, "pad", axes, 0, op.pad);
  take_spatial(fields, "dilation", axes, 1, op.dilation);
}

template <class T>
void read_convolution(Fields& fields, const Shape& in, T& op) {
  fields.take("num_output", op.num_output);
  fields.take("group", op.group);
  fields.take("has_bias", op.has_bias);
  fields.take("axis", op.axis);
  take_window(fields, in, op);
}

template <class T>
void read_recurrent(Fields& fields, T& op) {
  fields.take("num_output", op.num_output);
  fields.take("expose_hidden", op.expose_hidden);
}

// read(fields, in, op) fills an op whose first input has shape `in`. Keys bear the fields' names.

template <class T>
requires(std::is_empty_v<T>) void read(Fields&, const Shape&, T&) {}

void read(Fields& fields, const Shape&, ArgMax& op) {
  fields.take("axis", op.axis);
  fields.take("top_k", op.top_k);
  fields.take("out_max_val", op.out_max_val);
}

void read(Fields& fields, const Shape&, BatchNorm& op) {
  fields.take("eps", op.eps);
  fields.take("use_global_stats", op.use_global_stats);
}

void read(Fields& fields, const Shape&, Bias& op) {
  fields.take("axis", op.axis);
  fields.take("num_axes", op.num_axes);
}

void read(Fields& fields, const Shape&, Clip& op) {
  fields.take("min", op.min);
  fields.take("max", op.max);
}

void read(Fields& fields, const Shape&, Concat& op) { fields.take("axis", op.axis); }

void read(Fields& fields, const Shape& in, Convolution& op) { read_convolution(fields, in, op); }

void read(Fields& fields, const Shape&, Crop& op) {
  fields.take("axis", op.axis);
  fields.take("offsets", op.offsets);
}

void read(Fields& fields, const Shape& in, Deconvolution& op) { read_convolution(fields, in, op); }

void read(Fields& fields, const Shape&, Eltwise& op) {
  fields.take("method", op.method,
              {{"product", EltwiseMethod::kProduct},
               {"sum", EltwiseMethod::kSum},
               {"max", EltwiseMethod::kMax}});
  fields.take("coeffs", op.coeffs);
}

void read(Fields& fields, const Shape&, Elu& op) { fields.take("alpha", op.alpha); }

void read(Fields& fields, const Shape&, Embed& op) {
  fields.take("num_output", op.num_output);
  fields.take("input_dim", op.input_dim);
  fields.take("has_bias", op.has_bias);
}

void read(Fields& fields, const Shape&, Exp& op) {
  fields.take("base", op.base);
  fields.take("scale", op.scale);
  fields.take("shift", op.shift);
}

void read(Fields& fields, const Shape&, Flatten& op) {
  fields.take("axis", op.axis);
  fields.take("end_axis", op.end_axis);
}

void read(Fields& fields, const Shape& in, Im2col& op) {
  fields.take("axis", op.axis);
  take_window(fields, in, op);
}

void read(Fields& fields, const Shape&, InnerProduct& op) {
  fields.take("num_output", op.num_output);
  fields.take("axis", op.axis);
  fields.take("transpose", op.transpose);
  fields.take("has_bias", op.has_bias);
}

void read(Fields& fields, const Shape&, Log& op) {
  fields.take("base", op.base);
  fields.take("scale", op.scale);
  fields.take("shift", op.shift);
}

void read(Fields& fields, const Shape&, Lrn& op) {
  fields.take("size", op.size);
  fields.take("alpha", op.alpha);
  fields.take("beta", op.beta);
  fields.take("k", op.k);
  fields.take("region", op.region,
              {{"across", LrnRegion::kAcrossChannels}, {"within", LrnRegion::kWithinChannel}});
}

void read(Fields& fields, const Shape&, Lstm& op) { read_recurrent(fields, op); }

void read(Fields& fields, const Shape&, Mvn& op) {
  fields.take("normalize_variance", op.normalize_variance);
  fields.take("across_channels", op.across_channels);
  fields.take("eps", op.eps);
}

void read(Fields& fields, const Shape&, Pooling& op) {
  fields.take("method", op.method,
              {{"max", PoolMethod::kMax},
               {"average", PoolMethod::kAverage},
               {"stochastic", PoolMethod::kStochastic}});
  fields.take("kernel", op.kernel);
  fields.take("stride", op.stride);
  fields.take("pad", op.pad);
  fields.take("global", op.global);
  fields.take("round_mode", op.round_mode,
              {{"ceil", RoundMode::kCeil}, {"floor", RoundMode::kFloor}});
  fields.take("with_mask", op.with_mask);
}

void read(Fields& fields, const Shape&, Power& op) {
  fields.take("power", op.power);
  fields.take("scale", op.scale);
  fields.take("shift", op.shift);
}

void read(Fields& fields, const Shape&, PRelu& op) {
  fields.take("channel_shared", op.channel_shared);
}

void read(Fields& fields, const Shape&, Reduction& op) {
  fields.take("method", op.method,
              {{"sum", ReductionMethod::kSum},
               {"sum_abs", ReductionMethod::kSumAbs},
               {"sum_squares", ReductionMethod::kSumSquares},
               {"mean", ReductionMethod::kMean}});
  fields.take("axis", op.axis);
  fields.take("coefficient", op.coefficient);
}

void read(Fields& fields, const Shape&, Relu& op) {
  fields.take("negative_slope", op.negative_slope);
}

void read(Fields& fields, const Shape&, Reshape& op) {
  fields.take("dims", op.dims);
  fields.take("axis", op.axis);
  fields.take("num_axes", op.num_axes);
}

void read(Fields& fields, const Shape&, Rnn& op) { read_recurrent(fields, op); }

void read(Fields& fields, const Shape&, Scale& op) {
  fields.take("axis", op.axis);
  fields.take("num_axes", op.num_axes);
  fields.take("has_bias", op.has_bias);
}

void read(Fields& fields, const Shape&, Slice& op) {
  fields.take("axis", op.axis);
  fields.take("outputs", op.outputs);
  fields.take("points", op.points);
}

void read(Fields& fields, const Shape&, Softmax& op) { fields.take("axis", op.axis); }

void read(Fields& fields, const Shape&, Swish& op) { fields.take("beta", op.beta); }

void read(Fields& fields, const Shape&, Threshold& op) { fields.take("threshold", op.threshold); }

void read(Fields& fields, const Shape&, Tile& op) {
  fields.take("axis", op.axis);
  fields.take("tiles", op.tiles);
}

// Sets `op` to the kind of that name with its parameters; false where it is not the I-th kind.
template <std::size_t I>
bool read_kind(std::string_view name, Fields& fields, const Shape& in, Op& op) {
  if (std::variant_alternative_t<I, Op>::kName != name) return false;
  read(fields, in, op.emplace<I>());
  return true;
}

Op read_op(std::string_view name, Fields& fields, const Shape& in) {
  Op op;
  const bool found = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return (read_kind<I>(name, fields, in, op) || ...);
  }
  (std::make_index_sequence<std::variant_size_v<Op>>());
  if (!found) fail(ErrorCode::kInvalidFile, "no op has the name '{}'", name);
  return op;
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
