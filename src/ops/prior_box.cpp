#include "ops/prior_box.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace kissa {
namespace {

// More would be no network: bounds the output, and every product below.
constexpr std::int64_t kMaxBoxes = 4096;

bool contains_ratio(const std::vector<float>& ratios, float ratio) {
  return std::any_of(ratios.begin(), ratios.end(), [&](float other) {
    return std::abs(static_cast<double>(ratio) - other) < 1e-6;
  });
}

struct Size {
  float w;
  float h;
};

// The sizes of the boxes at a place, in pixels of the image.
std::vector<Size> sizes_of(const PriorBox& op) {
  std::vector<Size> sizes;
  for (std::size_t s = 0; s < op.min_sizes.size(); ++s) {
    const float min = std::trunc(op.min_sizes[s]);
    sizes.push_back({min, min});
    if (!op.max_sizes.empty()) {
      const float middle = std::sqrt(min * std::trunc(op.max_sizes[s]));
      sizes.push_back({middle, middle});
    }
    for (const float ratio : op.all_ratios()) {
      if (std::abs(static_cast<double>(ratio) - 1.0) < 1e-6) continue;
      const float root = std::sqrt(ratio);
      sizes.push_back({min * root, min / root});
    }
  }
  return sizes;
}

void check_parameters(const PriorBox& op) {
  const auto is_positive = [](float value) { return value > 0.0f; };
  const auto all_positive = [&](const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(), is_positive);
  };
  if (op.min_sizes.empty() || !all_positive(op.min_sizes))
    fail(ErrorCode::kInvalidModel, "takes a min_size or more, all positive");
  if (!op.max_sizes.empty() && op.max_sizes.size() != op.min_sizes.size())
    fail(ErrorCode::kInvalidModel, "has {} max_size for {} min_size; give none, or as many",
         op.max_sizes.size(), op.min_sizes.size());
  for (std::size_t i = 0; i < op.max_sizes.size(); ++i)
    if (!(op.max_sizes[i] > op.min_sizes[i]))
      fail(ErrorCode::kInvalidModel, "max_size {} must be greater than min_size {}",
           op.max_sizes[i], op.min_sizes[i]);
  if (!all_positive(op.aspect_ratios))
    fail(ErrorCode::kInvalidModel, "aspect ratios must be positive");
  if ((op.variances.size() != 1 && op.variances.size() != 4) || !all_positive(op.variances))
    fail(ErrorCode::kInvalidModel, "takes one variance or four, all positive, not {}",
         op.variances.size());
  if ((!op.step.empty() && op.step.size() != 2) || !all_positive(op.step))
    fail(ErrorCode::kInvalidModel, "step must be positive");
  if (op.image[0] < 0 || op.image[1] < 0)
    fail(ErrorCode::kInvalidModel, "an image of {} x {} makes no sense", op.image[0], op.image[1]);
  if (op.boxes_a_place() > kMaxBoxes)
    fail(ErrorCode::kInvalidModel, "{} boxes at a place are more than {}", op.boxes_a_place(),
         kMaxBoxes);
}

}  // namespace

std::vector<float> PriorBox::all_ratios() const {
  std::vector<float> ratios = {1.0f};
  for (const float ratio : aspect_ratios) {
    if (contains_ratio(ratios, ratio)) continue;
    ratios.push_back(ratio);
    if (flip) ratios.push_back(1.0f / ratio);
  }
  return ratios;
}

std::int64_t PriorBox::boxes_a_place() const {
  return std::ssize(all_ratios()) * std::ssize(min_sizes) + std::ssize(max_sizes);
}

Shapes PriorBox::infer(const Shapes& in) const {
  expect_inputs(in, 2);
  for (const Shape& shape : in)
    if (shape.rank() < 3 || shape.elements() == 0)
      fail(ErrorCode::kInvalidModel, "takes a feature map and an image, not {} and {}",
           in[0].to_string(), in[1].to_string());
  check_parameters(*this);
  const int rank = in[0].rank();
  return {Shape({1, 2, count_of(in[0].product(rank - 2, rank), boxes_a_place() * 4)})};
}

Arithmetic PriorBox::arithmetic(const Shapes&, const Shapes& out) const {
  return {0, out[0].elements() / 2 * 3};
}

void PriorBox::reference(ConstTensors x, Tensors y) const {
  const Shape& map = x[0].shape;
  const Shape& pixels = x[1].shape;
  const std::int64_t height = map[map.rank() - 2], width = map[map.rank() - 1];
  const bool has_image = image[0] > 0 && image[1] > 0;
  const auto image_h = static_cast<float>(has_image ? image[0] : pixels[pixels.rank() - 2]);
  const auto image_w = static_cast<float>(has_image ? image[1] : pixels[pixels.rank() - 1]);
  const float step_h = step.empty() ? image_h / static_cast<float>(height) : step[0];
  const float step_w = step.empty() ? image_w / static_cast<float>(width) : step[1];
  const std::vector<Size> sizes = sizes_of(*this);
  float* out = y[0].data;
  for (std::int64_t h = 0; h < height; ++h)
    for (std::int64_t w = 0; w < width; ++w) {
      const float center_x = (static_cast<float>(w) + offset) * step_w;
      const float center_y = (static_cast<float>(h) + offset) * step_h;
      for (const Size& size : sizes) {
        *out++ = (center_x - size.w / 2.0f) / image_w;
        *out++ = (center_y - size.h / 2.0f) / image_h;
        *out++ = (center_x + size.w / 2.0f) / image_w;
        *out++ = (center_y + size.h / 2.0f) / image_h;
      }
    }
  const std::int64_t count = y[0].shape[2];
  if (clip)
    for (std::int64_t i = 0; i < count; ++i) y[0].data[i] = std::clamp(y[0].data[i], 0.0f, 1.0f);
  for (std::int64_t i = 0; i < count; ++i)
    out[i] = variances[variances.size() == 4 ? static_cast<std::size_t>(i % 4) : 0];
}

std::string PriorBox::describe() const {
  return fmt::format("{} a place, sizes {}{}", boxes_a_place(), fmt::join(min_sizes, ", "),
                     clip ? ", clipped" : "");
}

}  // namespace kissa
