#include "ops/im2col.h"

#include <algorithm>

#include "ops/window.h"

namespace kissa {
namespace {

Window window_of(const Im2col& op) { return {op.kernel, op.stride, op.pad, op.dilation}; }

}  // namespace

Shapes Im2col::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  const int channel_axis = in[0].canonical_axis(axis);
  std::vector<std::int64_t> out(in[0].dims().begin(), in[0].dims().begin() + channel_axis + 1);
  const auto places = window_places(window_of(*this), extents_behind(in[0], channel_axis));
  for (const std::int64_t extent : kernel) out.back() = count_of(out.back(), extent);
  out.insert(out.end(), places.begin(), places.end());
  return {Shape(std::move(out))};
}

void Im2col::reference(ConstTensors x, Tensors y) const {
  const int channel_axis = x[0].shape.canonical_axis(axis);
  const auto image = extents_behind(x[0].shape, channel_axis);
  const auto places = extents_behind(y[0].shape, channel_axis);
  const std::int64_t planes = x[0].shape.product(0, channel_axis + 1);
  const std::int64_t in_size = product(image);
  const std::int64_t out_size = product(places);
  const std::int64_t kernel_size = product(kernel);

  std::fill_n(y[0].data, y[0].shape.elements(), 0.0f);
  for (std::int64_t p = 0; p < out_size; ++p)
    for (const auto& [tap, pixel] : taps_inside(window_of(*this), p, places, image))
      for (std::int64_t c = 0; c < planes; ++c)
        y[0].data[(c * kernel_size + tap) * out_size + p] = x[0].data[c * in_size + pixel];
}

std::string Im2col::describe() const { return describe_window(window_of(*this)); }

}  // namespace kissa
