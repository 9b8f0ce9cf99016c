#include "ops/proposal.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/boxes.h"

namespace kissa {
namespace {

// Coordinates are whole pixels, the last included.
constexpr float kPixel = 1.0f;

Box around(double center_x, double center_y, double w, double h) {
  return {static_cast<float>(center_x - 0.5 * (w - 1.0)),
          static_cast<float>(center_y - 0.5 * (h - 1.0)),
          static_cast<float>(center_x + 0.5 * (w - 1.0)),
          static_cast<float>(center_y + 0.5 * (h - 1.0))};
}

// Around the first place: for each ratio a box of the base's area with whole sides, in each scale.
// Rounding is to the nearest even number, as numpy does it.
std::vector<Box> anchors_of(const Proposal& op) {
  const auto base = static_cast<double>(op.base_size);
  const double center = 0.5 * (base - 1.0);
  std::vector<Box> anchors;
  for (const float ratio : op.ratios) {
    const double w = std::nearbyint(std::sqrt(base * base / ratio));
    const double h = std::nearbyint(w * ratio);
    for (const float scale : op.scales)
      anchors.push_back(around(center, center, w * scale, h * scale));
  }
  return anchors;
}

Box moved(const Box& anchor, const float* move, std::int64_t stride) {
  const float w = anchor.xmax - anchor.xmin + kPixel, h = anchor.ymax - anchor.ymin + kPixel;
  const float center_x = move[0] * w + anchor.xmin + 0.5f * w;
  const float center_y = move[stride] * h + anchor.ymin + 0.5f * h;
  const float half_w = 0.5f * std::exp(move[2 * stride]) * w;
  const float half_h = 0.5f * std::exp(move[3 * stride]) * h;
  return {center_x - half_w, center_y - half_h, center_x + half_w, center_y + half_h};
}

struct Candidates {
  std::vector<Box> boxes;
  std::vector<float> scores;
};

Candidates find_candidates(const Proposal& op, ConstTensors x) {
  const std::int64_t height = x[0].shape[2], width = x[0].shape[3], plane = height * width;
  const std::vector<Box> anchors = anchors_of(op);
  const float* object_scores = x[0].data + std::ssize(anchors) * plane;
  const float last_y = x[2].data[0] - 1.0f, last_x = x[2].data[1] - 1.0f;
  const float least = op.min_size * x[2].data[2];
  // Bounded whatever the image's size is said to be; NaN becomes 0.
  const auto inside = [](float value, float last) { return std::max(0.0f, std::min(value, last)); };
  Candidates found;
  for (std::int64_t place = 0; place < plane; ++place) {
    const auto shift_x = static_cast<float>(place % width * op.feat_stride);
    const auto shift_y = static_cast<float>(place / width * op.feat_stride);
    for (std::size_t a = 0; a < anchors.size(); ++a) {
      const Box anchor = {anchors[a].xmin + shift_x, anchors[a].ymin + shift_y,
                          anchors[a].xmax + shift_x, anchors[a].ymax + shift_y};
      const auto index = static_cast<std::int64_t>(a);
      Box box = moved(anchor, x[1].data + 4 * index * plane + place, plane);
      box = {inside(box.xmin, last_x), inside(box.ymin, last_y), inside(box.xmax, last_x),
             inside(box.ymax, last_y)};
      if (box.xmax - box.xmin + kPixel < least || box.ymax - box.ymin + kPixel < least) continue;
      found.boxes.push_back(box);
      found.scores.push_back(object_scores[index * plane + place]);
    }
  }
  return found;
}

}  // namespace

Shapes Proposal::infer(const Shapes& in) const {
  expect_inputs(in, 3);
  for (const std::int64_t size : {feat_stride, base_size, pre_nms_top_n, post_nms_top_n})
    if (size < 1 || size > 1'000'000)
      fail(ErrorCode::kInvalidModel, "a stride, base size or count of {} must be in 1 to 1000000",
           size);
  const auto is_wrong = [](float value) { return !(value > 0.0f); };
  if (ratios.empty() || scales.empty() || std::any_of(ratios.begin(), ratios.end(), is_wrong) ||
      std::any_of(scales.begin(), scales.end(), is_wrong))
    fail(ErrorCode::kInvalidModel, "takes ratios and scales, all positive");
  const std::int64_t anchors = count_of(std::ssize(ratios), std::ssize(scales));
  if (in[0].rank() != 4 || in[0][0] != 1 || in[0][1] != 2 * anchors ||
      in[1] != in[0].with(1, 4 * anchors) || in[2].elements() < 3)
    fail(ErrorCode::kInvalidModel,
         "takes scores of 1x{}xHxW, moves of 1x{}xHxW and an image's height, width and scale, not "
         "{}, {} and {}",
         2 * anchors, 4 * anchors, in[0].to_string(), in[1].to_string(), in[2].to_string());
  Shapes out = {Shape({post_nms_top_n, 5})};
  if (with_scores) out.push_back(Shape({post_nms_top_n, 1}));
  out.push_back(Shape());
  return out;
}

Arithmetic Proposal::arithmetic(const Shapes& in, const Shapes&) const {
  return {in[1].elements(), 4 * in[1].elements()};
}

void Proposal::reference(ConstTensors x, Tensors y) const {
  const Candidates candidates = find_candidates(*this, x);
  const auto order =
      best_first(candidates.scores, -std::numeric_limits<float>::infinity(), pre_nms_top_n);
  const std::vector<int> kept =
      suppress(candidates.boxes, order,
               {.threshold = nms_threshold, .extra = kPixel, .most = post_nms_top_n});
  for (const Tensor& tensor : y) std::fill_n(tensor.data, tensor.shape.elements(), 0.0f);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto at = static_cast<std::size_t>(kept[i]);
    const Box& box = candidates.boxes[at];
    float* row = y[0].data + 5 * i;
    row[1] = box.xmin;
    row[2] = box.ymin;
    row[3] = box.xmax;
    row[4] = box.ymax;
    if (with_scores) y[1].data[i] = candidates.scores[at];
  }
  y.back().data[0] = static_cast<float>(kept.size());
}

std::string Proposal::describe() const {
  return fmt::format("{} anchors, stride {}, the best {} of {}", ratios.size() * scales.size(),
                     feat_stride, post_nms_top_n, pre_nms_top_n);
}

}  // namespace kissa
