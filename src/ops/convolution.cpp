#include "ops/convolution.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace kissa {
namespace {

// Steps `index` through the box of `extents`, innermost axis fastest; false after the last place.
bool next(std::vector<std::int64_t>& index, const std::vector<std::int64_t>& extents) {
  for (std::size_t axis = index.size(); axis-- > 0;) {
    if (++index[axis] < extents[axis]) return true;
    index[axis] = 0;
  }
  return false;
}

std::vector<std::int64_t> spatial_extents(const Shape& shape, int channel_axis) {
  return {shape.dims().begin() + channel_axis + 1, shape.dims().end()};
}

std::int64_t product(const std::vector<std::int64_t>& extents) {
  std::int64_t product = 1;
  for (const std::int64_t extent : extents) product *= extent;
  return product;
}

}  // namespace

std::vector<ParamSpec> Convolution::params(const Shapes& in) const {
  const int channel_axis = in.at(0).canonical_axis(axis);
  std::vector<std::int64_t> weight = {num_output, in[0][channel_axis] / group};
  weight.insert(weight.end(), kernel.begin(), kernel.end());
  std::vector<ParamSpec> params = {{"weight", Shape(std::move(weight))}};
  if (has_bias) params.push_back({"bias", {num_output}});
  return params;
}

Shapes Convolution::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  const int channel_axis = in[0].canonical_axis(axis);
  const std::int64_t channels = in[0][channel_axis];
  const auto spatial = spatial_extents(in[0], channel_axis);
  if (num_output <= 0) fail(ErrorCode::kInvalidModel, "num_output {} must be positive", num_output);
  if (group <= 0) fail(ErrorCode::kInvalidModel, "group {} must be positive", group);
  if (channels % group != 0)
    fail(ErrorCode::kInvalidModel, "{} input channels are no multiple of group {}", channels,
         group);
  if (num_output % group != 0)
    fail(ErrorCode::kInvalidModel, "num_output {} is no multiple of group {}", num_output, group);
  if (kernel.size() != spatial.size() || stride.size() != spatial.size() ||
      pad.size() != spatial.size() || dilation.size() != spatial.size())
    fail(ErrorCode::kInvalidModel, "a kernel of {} axes does not fit an input of {} spatial axes",
         kernel.size(), spatial.size());

  std::vector<std::int64_t> out(in[0].dims().begin(), in[0].dims().begin() + channel_axis);
  out.push_back(num_output);
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    if (kernel[i] <= 0 || stride[i] <= 0 || dilation[i] <= 0 || pad[i] < 0)
      fail(ErrorCode::kInvalidModel,
           "kernel {}, stride {} and dilation {} must be positive, pad {} not negative", kernel[i],
           stride[i], dilation[i], pad[i]);
    const std::int64_t window = dilation[i] * (kernel[i] - 1) + 1;
    const std::int64_t padded = spatial[i] + 2 * pad[i];
    if (padded < window)
      fail(ErrorCode::kInvalidModel,
           "a window of {} (kernel {}, dilation {}) is larger than the padded input of {}", window,
           kernel[i], dilation[i], padded);
    out.push_back((padded - window) / stride[i] + 1);
  }
  return {Shape(std::move(out))};
}

Arithmetic Convolution::arithmetic(const Shapes& in, const Shapes& out) const {
  const std::int64_t channels = in[0][in[0].canonical_axis(axis)];
  return {out[0].elements() * (channels / group) * product(kernel),
          has_bias ? out[0].elements() : 0};
}

void Convolution::reference(ConstTensors x, Tensors y) const {
  const Shape& in_shape = x[0].shape;
  const Shape& out_shape = y[0].shape;
  const int channel_axis = in_shape.canonical_axis(axis);
  const auto in_extents = spatial_extents(in_shape, channel_axis);
  const auto out_extents = spatial_extents(out_shape, channel_axis);
  const std::int64_t images = in_shape.product(0, channel_axis);
  const std::int64_t channels = in_shape[channel_axis];
  const std::int64_t group_in = channels / group;
  const std::int64_t group_out = num_output / group;
  const std::int64_t in_size = product(in_extents);
  const std::int64_t out_size = product(out_extents);
  const std::int64_t taps = product(kernel);
  const std::size_t axes = kernel.size();

  std::vector<std::int64_t> place(axes, 0);  // output place
  for (std::int64_t p = 0; p < out_size; ++p, next(place, out_extents)) {
    // The taps whose input place lies inside the image, and that place.
    std::vector<std::pair<std::int64_t, std::int64_t>> inside;
    std::vector<std::int64_t> tap(axes, 0);
    for (std::int64_t t = 0; t < taps; ++t, next(tap, kernel)) {
      std::int64_t offset = 0;
      bool is_inside = true;
      for (std::size_t i = 0; i < axes; ++i) {
        const std::int64_t at = place[i] * stride[i] - pad[i] + tap[i] * dilation[i];
        is_inside = is_inside && at >= 0 && at < in_extents[i];
        offset = offset * in_extents[i] + at;
      }
      if (is_inside) inside.emplace_back(t, offset);
    }
    for (std::int64_t n = 0; n < images; ++n) {
      for (std::int64_t k = 0; k < num_output; ++k) {
        const std::int64_t first = k / group_out * group_in;  // first input channel of the group
        float sum = 0.0f;
        for (std::int64_t c = 0; c < group_in; ++c) {
          const float* plane = x[0].data + (n * channels + first + c) * in_size;
          const float* weights = x[1].data + (k * group_in + c) * taps;
          for (const auto& [t, offset] : inside) sum += plane[offset] * weights[t];
        }
        if (has_bias) sum += x[2].data[k];
        y[0].data[(n * num_output + k) * out_size + p] = sum;
      }
    }
  }
}

std::string Convolution::describe() const {
  std::string text =
      fmt::format("{} x {}, stride {}", num_output, fmt::join(kernel, "x"), fmt::join(stride, "x"));
  if (std::any_of(pad.begin(), pad.end(), [](auto p) { return p != 0; }))
    text += fmt::format(", pad {}", fmt::join(pad, "x"));
  if (product(dilation) != 1) text += fmt::format(", dilation {}", fmt::join(dilation, "x"));
  if (group != 1) text += fmt::format(", group {}", group);
  if (!has_bias) text += ", no bias";
  return text;
}

}  // namespace kissa
