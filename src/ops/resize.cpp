#include "ops/resize.h"

#include <algorithm>

namespace kissa {
namespace {

// Far more than any image has; keeps every product of them within 64 bits.
constexpr std::int64_t kMaxExtent = 1 << 20;

void expect_image(const Shape& in) {
  if (in.rank() != 4 || in.elements() == 0)
    fail(ErrorCode::kInvalidModel, "takes an image of 4 axes, not {}", in.to_string());
}

std::int64_t checked_extent(std::int64_t extent) {
  if (extent < 1 || extent > kMaxExtent)
    fail(ErrorCode::kInvalidModel, "would make an image of {} on an axis; 1 to {} is possible",
         extent, kMaxExtent);
  return extent;
}

Shape with_plane(const Shape& in, std::int64_t height, std::int64_t width) {
  return Shape({in[0], in[1], checked_extent(height), checked_extent(width)});
}

// Where an output element lies between two of the input's.
struct Place {
  std::int64_t low;
  std::int64_t high;
  float to_high;
};

std::vector<Place> places_of(std::int64_t in, std::int64_t out) {
  const float ratio = out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1) : 0.0f;
  std::vector<Place> places;
  for (std::int64_t i = 0; i < out; ++i) {
    const float at = ratio * static_cast<float>(i);
    const auto low = std::min(static_cast<std::int64_t>(at), in - 1);
    places.push_back({low, std::min(low + 1, in - 1), at - static_cast<float>(low)});
  }
  return places;
}

}  // namespace

Shapes Interp::infer(const Shapes& in) const {
  if (in.size() != 1) expect_inputs(in, 2);
  expect_image(in[0]);
  if (zoom < 1 || zoom > kMaxExtent || shrink < 1 || shrink > kMaxExtent)
    fail(ErrorCode::kInvalidModel, "zoom {} and shrink {} must be in 1 to {}", zoom, shrink,
         kMaxExtent);
  if (pad[0] > 0 || pad[1] > 0 || pad[0] < -kMaxExtent || pad[1] < -kMaxExtent)
    fail(ErrorCode::kInvalidModel, "pad {} and {} must not be positive", pad[0], pad[1]);
  const std::int64_t height = checked_extent(in[0][2] + pad[0] + pad[1]);
  const std::int64_t width = checked_extent(in[0][3] + pad[0] + pad[1]);
  if (in.size() == 2) {
    expect_image(in[1]);
    return {with_plane(in[0], in[1][2], in[1][3])};
  }
  if (size[0] != 0 || size[1] != 0) return {with_plane(in[0], size[0], size[1])};
  const auto resized = [&](std::int64_t extent) {
    const std::int64_t less = (extent - 1) / shrink + 1;
    return less + (less - 1) * (zoom - 1);
  };
  return {with_plane(in[0], resized(height), resized(width))};
}

Arithmetic Interp::arithmetic(const Shapes&, const Shapes& out) const {
  return {3 * out[0].elements(), 3 * out[0].elements()};
}

void Interp::reference(ConstTensors x, Tensors y) const {
  const Shape& in = x[0].shape;
  const std::int64_t cut = -pad[0], both = -pad[0] - pad[1];
  const std::vector<Place> rows = places_of(in[2] - both, y[0].shape[2]);
  const std::vector<Place> columns = places_of(in[3] - both, y[0].shape[3]);
  float* out = y[0].data;
  for (std::int64_t plane = 0; plane < in[0] * in[1]; ++plane) {
    const float* from = x[0].data + plane * in[2] * in[3] + cut * in[3] + cut;
    for (const Place& row : rows)
      for (const Place& column : columns) {
        const float* upper = from + row.low * in[3];
        const float* lower = from + row.high * in[3];
        const float right = column.to_high, left = 1.0f - right;
        *out++ = (1.0f - row.to_high) * (left * upper[column.low] + right * upper[column.high]) +
                 row.to_high * (left * lower[column.low] + right * lower[column.high]);
      }
  }
}

std::string Interp::describe() const {
  std::string text = size[0] != 0 ? fmt::format("to {}x{}", size[0], size[1])
                                  : fmt::format("zoom {}, shrink {}", zoom, shrink);
  if (pad[0] != 0 || pad[1] != 0) text += fmt::format(", pad {} and {}", pad[0], pad[1]);
  return text;
}

Shapes Upsample::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  expect_image(in[0]);
  if (scale < 1 || scale > kMaxExtent)
    fail(ErrorCode::kInvalidModel, "scale {} must be in 1 to {}", scale, kMaxExtent);
  return {with_plane(in[0], count_of(in[0][2], scale), count_of(in[0][3], scale))};
}

void Upsample::reference(ConstTensors x, Tensors y) const {
  const Shape& in = x[0].shape;
  float* out = y[0].data;
  for (std::int64_t row = 0; row < in.product(0, 3); ++row)
    for (std::int64_t repeat = 0; repeat < scale; ++repeat)
      for (std::int64_t w = 0; w < in[3]; ++w)
        out = std::fill_n(out, scale, x[0].data[row * in[3] + w]);
}

Shapes Unpool::infer(const Shapes& in) const {
  expect_inputs(in, 2);
  expect_image(in[0]);
  if (in[0] != in[1])
    fail(ErrorCode::kInvalidModel, "a mask of {} does not fit {}", in[1].to_string(),
         in[0].to_string());
  std::array<std::int64_t, 2> plane = size;
  for (std::size_t i = 0; i < 2; ++i) {
    if (scale[i] < 1 || scale[i] > kMaxExtent || cut[i] < 0 || cut[i] > 1)
      fail(ErrorCode::kInvalidModel, "scale {} must be in 1 to {}, and {} is cut off, not 0 or 1",
           scale[i], kMaxExtent, cut[i]);
    if (plane[i] == 0) plane[i] = count_of(in[0][static_cast<int>(i) + 2], scale[i]) - cut[i];
  }
  return {with_plane(in[0], plane[0], plane[1])};
}

void Unpool::reference(ConstTensors x, Tensors y) const {
  const std::int64_t from = x[0].shape.product(2, 4), to = y[0].shape.product(2, 4);
  std::fill_n(y[0].data, y[0].shape.elements(), 0.0f);
  for (std::int64_t i = 0; i < x[0].shape.elements(); ++i) {
    const float place = x[1].data[i];
    if (!(place >= 0.0f && place < static_cast<float>(to))) continue;
    y[0].data[i / from * to + static_cast<std::int64_t>(place)] = x[0].data[i];
  }
}

std::string Unpool::describe() const {
  return size[0] != 0 ? fmt::format("to {}x{}", size[0], size[1])
                      : fmt::format("scale {}x{}", scale[0], scale[1]);
}

}  // namespace kissa
