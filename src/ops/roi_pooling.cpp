#include "ops/roi_pooling.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

namespace kissa {
namespace {

constexpr std::int64_t kRegion = 5;

void expect_regions(const Shapes& in, float spatial_scale) {
  expect_inputs(in, 2);
  if (in[0].rank() != 4 || in[1].rank() < 1 || in[1].elements() != count_of(in[1][0], kRegion))
    fail(ErrorCode::kInvalidModel, "takes data of NxCxHxW and regions of Rx5, not {} and {}",
         in[0].to_string(), in[1].to_string());
  if (!(spatial_scale > 0.0f))
    fail(ErrorCode::kInvalidModel, "spatial_scale {} must be positive", spatial_scale);
}

void expect_bins(std::int64_t bins) {
  if (bins < 1 || bins > 4096)
    fail(ErrorCode::kInvalidModel, "a pooled size of {} must be in 1 to 4096", bins);
}

struct Range {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t size() const { return std::max<std::int64_t>(0, end - begin); }
};

// As an element of [0, extent], whatever the number is.
std::int64_t inside(float value, std::int64_t extent) {
  return static_cast<std::int64_t>(std::max(0.0f, std::min(static_cast<float>(extent), value)));
}

// The image of a region, or -1.
std::int64_t image_of(const float* region, std::int64_t images) {
  const bool is_there = region[0] > -1.0f && region[0] < static_cast<float>(images);
  return is_there ? static_cast<std::int64_t>(region[0]) : -1;
}

float largest(const float* plane, std::int64_t width, const Range& rows, const Range& columns) {
  if (rows.size() == 0 || columns.size() == 0) return 0.0f;
  float best = -FLT_MAX;
  for (std::int64_t h = rows.begin; h < rows.end; ++h)
    for (std::int64_t w = columns.begin; w < columns.end; ++w)
      best = std::max(best, plane[h * width + w]);
  return best;
}

float average(const float* plane, std::int64_t width, const Range& rows, const Range& columns) {
  if (rows.size() == 0 || columns.size() == 0) return 0.0f;
  double sum = 0.0;
  for (std::int64_t h = rows.begin; h < rows.end; ++h)
    for (std::int64_t w = columns.begin; w < columns.end; ++w) sum += plane[h * width + w];
  return static_cast<float>(sum / static_cast<double>(rows.size() * columns.size()));
}

// The parts of one axis of a region: each from its first to its last element, begun ones included.
struct Parts {
  float before;  // where the region starts: added before rounding, or behind
  float after;
  float size;  // of a part
  std::int64_t extent;
  Range part(std::int64_t i) const {
    const auto index = static_cast<float>(i);
    return {inside(std::floor(index * size + before) + after, extent),
            inside(std::ceil((index + 1.0f) * size + before) + after, extent)};
  }
};

}  // namespace

Shapes RoiPooling::infer(const Shapes& in) const {
  expect_regions(in, spatial_scale);
  expect_bins(pooled_h);
  expect_bins(pooled_w);
  return {Shape({in[1][0], in[0][1], pooled_h, pooled_w})};
}

Arithmetic RoiPooling::arithmetic(const Shapes& in, const Shapes&) const {
  return {0, count_of(in[1][0], in[0].product(1, 4))};
}

void RoiPooling::reference(ConstTensors x, Tensors y) const {
  const Shape& in = x[0].shape;
  // Whole elements, the last included. Rounding is away from zero at halves.
  const auto parts_of = [&](float first, float last, std::int64_t pooled, std::int64_t extent) {
    const float start = std::round(first * spatial_scale), end = std::round(last * spatial_scale);
    return Parts{0.0f, start, std::max(end - start + 1.0f, 1.0f) / static_cast<float>(pooled),
                 extent};
  };
  float* out = y[0].data;
  for (std::int64_t r = 0; r < x[1].shape[0]; ++r) {
    const float* region = x[1].data + r * kRegion;
    const std::int64_t image = image_of(region, in[0]);
    const Parts rows = parts_of(region[2], region[4], pooled_h, in[2]);
    const Parts columns = parts_of(region[1], region[3], pooled_w, in[3]);
    for (std::int64_t c = 0; c < in[1]; ++c)
      for (std::int64_t h = 0; h < pooled_h; ++h)
        for (std::int64_t w = 0; w < pooled_w; ++w)
          *out++ = image < 0 ? 0.0f
                             : largest(x[0].data + (image * in[1] + c) * in[2] * in[3], in[3],
                                       rows.part(h), columns.part(w));
  }
}

std::string RoiPooling::describe() const {
  return fmt::format("{}x{}, scale {}", pooled_h, pooled_w, spatial_scale);
}

Shapes PsRoiPooling::infer(const Shapes& in) const {
  expect_regions(in, spatial_scale);
  expect_bins(group_size);
  if (output_dim < 1 || in[0][1] != count_of(output_dim, group_size * group_size))
    fail(ErrorCode::kInvalidModel, "{} channels are not output_dim {} x group_size {} squared",
         in[0][1], output_dim, group_size);
  return {Shape({in[1][0], output_dim, group_size, group_size})};
}

Arithmetic PsRoiPooling::arithmetic(const Shapes& in, const Shapes& out) const {
  return {0, count_of(in[1][0], output_dim * in[0][2] * in[0][3]) + out[0].elements()};
}

void PsRoiPooling::reference(ConstTensors x, Tensors y) const {
  const Shape& in = x[0].shape;
  const auto parts_of = [&](float first, float last, std::int64_t extent) {
    const float start = std::round(first) * spatial_scale;
    const float end = (std::round(last) + 1.0f) * spatial_scale;
    return Parts{start, 0.0f, std::max(end - start, 0.1f) / static_cast<float>(group_size), extent};
  };
  float* out = y[0].data;
  for (std::int64_t r = 0; r < x[1].shape[0]; ++r) {
    const float* region = x[1].data + r * kRegion;
    const std::int64_t image = image_of(region, in[0]);
    const Parts rows = parts_of(region[2], region[4], in[2]);
    const Parts columns = parts_of(region[1], region[3], in[3]);
    std::int64_t channel = 0;
    for (std::int64_t c = 0; c < output_dim; ++c)
      for (std::int64_t h = 0; h < group_size; ++h)
        for (std::int64_t w = 0; w < group_size; ++w, ++channel)
          *out++ = image < 0 ? 0.0f
                             : average(x[0].data + (image * in[1] + channel) * in[2] * in[3], in[3],
                                       rows.part(h), columns.part(w));
  }
}

std::string PsRoiPooling::describe() const {
  return fmt::format("{} x {}x{}, scale {}", output_dim, group_size, group_size, spatial_scale);
}

}  // namespace kissa
