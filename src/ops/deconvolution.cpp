#include "ops/deconvolution.h"

#include <algorithm>

#include "ops/window.h"

namespace kissa {
namespace {

Window window_of(const Deconvolution& op) { return {op.kernel, op.stride, op.pad, op.dilation}; }

}  // namespace

std::vector<ParamSpec> Deconvolution::params(const Shapes& in) const {
  const int channel_axis = in.at(0).canonical_axis(axis);
  std::vector<std::int64_t> weight = {in[0][channel_axis], num_output / group};
  weight.insert(weight.end(), kernel.begin(), kernel.end());
  std::vector<ParamSpec> params = {{"weight", Shape(std::move(weight))}};
  if (has_bias) params.push_back({"bias", {num_output}});
  return params;
}

Shapes Deconvolution::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  const int channel_axis = in[0].canonical_axis(axis);
  check_groups(in[0][channel_axis], num_output, group);
  const auto image = extents_behind(in[0], channel_axis);
  check_window_axes(window_of(*this), image.size());

  std::vector<std::int64_t> out(in[0].dims().begin(), in[0].dims().begin() + channel_axis);
  out.push_back(num_output);
  for (std::size_t i = 0; i < image.size(); ++i) {
    check_window(kernel[i], stride[i], pad[i], dilation[i]);
    const std::int64_t reach = dilation[i] * (kernel[i] - 1) + 1;
    const std::int64_t padded = image[i] == 0 ? 0 : count_of(stride[i], image[i] - 1) + reach;
    if (padded <= 2 * pad[i])
      fail(ErrorCode::kInvalidModel, "pad {} leaves nothing of an output of {}", pad[i], padded);
    out.push_back(padded - 2 * pad[i]);
  }
  return {Shape(std::move(out))};
}

Arithmetic Deconvolution::arithmetic(const Shapes& in, const Shapes& out) const {
  const Shape weight = params(in)[0].shape;
  return {count_of(in[0].elements(), weight.product(1, weight.rank())),
          has_bias ? out[0].elements() : 0};
}

void Deconvolution::reference(ConstTensors x, Tensors y) const {
  const int channel_axis = x[0].shape.canonical_axis(axis);
  const auto places = extents_behind(x[0].shape, channel_axis);
  const auto image = extents_behind(y[0].shape, channel_axis);
  const std::int64_t images = x[0].shape.product(0, channel_axis);
  const std::int64_t channels = x[0].shape[channel_axis];
  const std::int64_t group_in = channels / group;
  const std::int64_t group_out = num_output / group;
  const std::int64_t in_size = product(places);
  const std::int64_t out_size = product(image);
  const std::int64_t weights_size = product(kernel);

  for (std::int64_t k = 0; k < images * num_output; ++k)
    std::fill_n(y[0].data + k * out_size, out_size, has_bias ? x[2].data[k % num_output] : 0.0f);
  for (std::int64_t p = 0; p < in_size; ++p) {
    const std::vector<Tap> taps = taps_inside(window_of(*this), p, places, image);
    for (std::int64_t n = 0; n < images; ++n) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const float value = x[0].data[(n * channels + c) * in_size + p];
        const std::int64_t first = n * num_output + c / group_in * group_out;  // plane of the group
        for (std::int64_t k = 0; k < group_out; ++k) {
          float* plane = y[0].data + (first + k) * out_size;
          const float* weights = x[1].data + (c * group_out + k) * weights_size;
          for (const auto& [tap, pixel] : taps) plane[pixel] += value * weights[tap];
        }
      }
    }
  }
}

std::string Deconvolution::describe() const {
  return describe_window(num_output, window_of(*this), group, has_bias);
}

}  // namespace kissa
