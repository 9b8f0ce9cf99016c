#include "ops/convolution.h"

#include "ops/window.h"

namespace kissa {
namespace {

Window window_of(const Convolution& op) { return {op.kernel, op.stride, op.pad, op.dilation}; }

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
  check_groups(in[0][channel_axis], num_output, group);
  std::vector<std::int64_t> out(in[0].dims().begin(), in[0].dims().begin() + channel_axis);
  out.push_back(num_output);
  const auto places = window_places(window_of(*this), extents_behind(in[0], channel_axis));
  out.insert(out.end(), places.begin(), places.end());
  return {Shape(std::move(out))};
}

Arithmetic Convolution::arithmetic(const Shapes& in, const Shapes& out) const {
  const Shape weight = params(in)[0].shape;
  return {count_of(out[0].elements(), weight.product(1, weight.rank())),
          has_bias ? out[0].elements() : 0};
}

void Convolution::reference(ConstTensors x, Tensors y) const {
  const int channel_axis = x[0].shape.canonical_axis(axis);
  const auto image = extents_behind(x[0].shape, channel_axis);
  const auto places = extents_behind(y[0].shape, channel_axis);
  const std::int64_t images = x[0].shape.product(0, channel_axis);
  const std::int64_t channels = x[0].shape[channel_axis];
  const std::int64_t group_in = channels / group;
  const std::int64_t group_out = num_output / group;
  const std::int64_t in_size = product(image);
  const std::int64_t out_size = product(places);
  const std::int64_t weights_size = product(kernel);

  for (std::int64_t p = 0; p < out_size; ++p) {
    const std::vector<Tap> taps = taps_inside(window_of(*this), p, places, image);
    for (std::int64_t n = 0; n < images; ++n) {
      for (std::int64_t k = 0; k < num_output; ++k) {
        const std::int64_t first = n * channels + k / group_out * group_in;  // plane of the group
        double sum = has_bias ? x[2].data[k] : 0.0;
        for (std::int64_t c = 0; c < group_in; ++c) {
          const float* plane = x[0].data + (first + c) * in_size;
          const float* weights = x[1].data + (k * group_in + c) * weights_size;
          for (const auto& [tap, pixel] : taps)
            sum += static_cast<double>(plane[pixel]) * weights[tap];
        }
        y[0].data[(n * num_output + k) * out_size + p] = static_cast<float>(sum);
      }
    }
  }
}

std::string Convolution::describe() const {
  return describe_window(num_output, window_of(*this), group, has_bias);
}

}  // namespace kissa
