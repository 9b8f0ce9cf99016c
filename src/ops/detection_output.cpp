#include "ops/detection_output.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/boxes.h"

namespace kissa {
namespace {

constexpr std::int64_t kRow = 7;

struct Detection {
  std::int64_t label;
  float score;
  Box box;
};

// Reads the parts of the inputs that belong to one image.
struct Image {
  const float* locations;
  const float* confidences;
  const float* boxes;
  const float* variances;
};

Box decode(const DetectionOutput& op, const float* location, const float* prior,
           const float* variance) {
  std::array<float, 4> move;
  for (std::size_t i = 0; i < 4; ++i)
    move[i] = op.variance_in_target ? location[i] : variance[i] * location[i];
  const float w = prior[2] - prior[0], h = prior[3] - prior[1];
  switch (op.code) {
    case BoxCode::kCorner:
      return {prior[0] + move[0], prior[1] + move[1], prior[2] + move[2], prior[3] + move[3]};
    case BoxCode::kCornerSize:
      return {prior[0] + move[0] * w, prior[1] + move[1] * h, prior[2] + move[2] * w,
              prior[3] + move[3] * h};
    case BoxCode::kCenterSize: break;
  }
  const float center_x = move[0] * w + (prior[0] + prior[2]) / 2.0f;
  const float center_y = move[1] * h + (prior[1] + prior[3]) / 2.0f;
  const float half_w = std::exp(move[2]) * w / 2.0f, half_h = std::exp(move[3]) * h / 2.0f;
  return {center_x - half_w, center_y - half_h, center_x + half_w, center_y + half_h};
}

std::vector<Box> decode_all(const DetectionOutput& op, const Image& image, std::int64_t priors,
                            std::int64_t label) {
  const std::int64_t classes = op.share_location ? 1 : op.num_classes;
  std::vector<Box> boxes;
  boxes.reserve(static_cast<std::size_t>(priors));
  for (std::int64_t p = 0; p < priors; ++p) {
    const std::int64_t at = (p * classes + (op.share_location ? 0 : label)) * 4;
    boxes.push_back(decode(op, image.locations + at, image.boxes + p * 4, image.variances + p * 4));
  }
  return boxes;
}

// Ordered by class, then falling score.
std::vector<Detection> detect(const DetectionOutput& op, const Image& image, std::int64_t priors) {
  std::vector<Detection> found;
  std::vector<Box> boxes;
  std::vector<float> scores(static_cast<std::size_t>(priors));
  const Suppression how = {.threshold = op.nms_threshold, .eta = op.nms_eta};
  for (std::int64_t label = 0; label < op.num_classes; ++label) {
    if (label == op.background_label) continue;
    if (boxes.empty() || !op.share_location) boxes = decode_all(op, image, priors, label);
    for (std::int64_t p = 0; p < priors; ++p)
      scores[static_cast<std::size_t>(p)] = image.confidences[p * op.num_classes + label];
    const auto order = best_first(scores, op.confidence_threshold, op.nms_top_k);
    for (const int i : suppress(boxes, order, how)) {
      const auto at = static_cast<std::size_t>(i);
      found.push_back({label, scores[at], boxes[at]});
    }
  }
  if (op.keep_top_k < 0 || std::ssize(found) <= op.keep_top_k) return found;
  std::stable_sort(found.begin(), found.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  found.resize(static_cast<std::size_t>(op.keep_top_k));
  std::stable_sort(found.begin(), found.end(),
                   [](const Detection& a, const Detection& b) { return a.label < b.label; });
  return found;
}

float* write_row(std::int64_t image, const Detection& found, float* out) {
  const Box& box = found.box;
  const std::array<float, kRow> row = {static_cast<float>(image),
                                       static_cast<float>(found.label),
                                       found.score,
                                       box.xmin,
                                       box.ymin,
                                       box.xmax,
                                       box.ymax};
  return std::copy(row.begin(), row.end(), out);
}

}  // namespace

Shapes DetectionOutput::infer(const Shapes& in) const {
  expect_inputs(in, 3);
  if (num_classes < 1)
    fail(ErrorCode::kInvalidModel, "num_classes {} must be positive", num_classes);
  if (nms_threshold < 0.0f)
    fail(ErrorCode::kInvalidModel, "nms_threshold {} must not be negative", nms_threshold);
  if (!(nms_eta > 0.0f && nms_eta <= 1.0f))
    fail(ErrorCode::kInvalidModel, "eta {} must be in (0, 1]", nms_eta);
  for (const Shape& shape : in)
    if (shape.rank() < 2)
      fail(ErrorCode::kInvalidModel, "takes inputs of 2 axes or more, not {}", shape.to_string());
  const std::int64_t images = in[0][0];
  if (in[2].rank() < 3 || in[2][1] != 2 || in[2][2] % 4 != 0)
    fail(ErrorCode::kInvalidModel, "takes default boxes of 1x2x4P, not {}", in[2].to_string());
  const std::int64_t priors = in[2][2] / 4;
  const std::int64_t classes = share_location ? 1 : num_classes;
  if (in[1][0] != images || in[0].elements() != count_of(images * 4, count_of(priors, classes)) ||
      in[1].elements() != count_of(images, count_of(priors, num_classes)))
    fail(ErrorCode::kInvalidModel,
         "locations of {} and confidences of {} do not fit {} default boxes of {} classes",
         in[0].to_string(), in[1].to_string(), priors, num_classes);
  const auto most = [](std::int64_t count, std::int64_t limit) {
    return limit < 0 ? count : std::min(count, limit);
  };
  const bool has_background = background_label >= 0 && background_label < num_classes;
  const std::int64_t a_class = most(priors, nms_top_k);
  const std::int64_t an_image =
      most(count_of(a_class, num_classes - (has_background ? 1 : 0)), keep_top_k);
  const std::int64_t rows = std::max<std::int64_t>(images, count_of(images, an_image));
  return {Shape({1, 1, rows, kRow}), Shape()};
}

Arithmetic DetectionOutput::arithmetic(const Shapes& in, const Shapes&) const {
  return {in[0].elements(), 2 * in[0].elements()};
}

void DetectionOutput::reference(ConstTensors x, Tensors y) const {
  const std::int64_t images = x[0].shape[0];
  const std::int64_t priors = x[2].shape[2] / 4;
  const std::int64_t classes = share_location ? 1 : num_classes;
  float* out = y[0].data;
  for (std::int64_t n = 0; n < images; ++n) {
    const Image image = {x[0].data + n * priors * classes * 4, x[1].data + n * priors * num_classes,
                         x[2].data, x[2].data + priors * 4};
    for (const Detection& found : detect(*this, image, priors)) out = write_row(n, found, out);
  }
  constexpr Detection kNothing = {-1, -1.0f, {-1.0f, -1.0f, -1.0f, -1.0f}};
  if (out == y[0].data)
    for (std::int64_t n = 0; n < images; ++n) out = write_row(n, kNothing, out);
  y[1].data[0] = static_cast<float>((out - y[0].data) / kRow);
  std::fill(out, y[0].data + y[0].shape.elements(), 0.0f);
}

std::string DetectionOutput::describe() const {
  return fmt::format("{} classes, scores above {}, overlap {}, at most {}", num_classes,
                     confidence_threshold, nms_threshold, keep_top_k);
}

}  // namespace kissa
