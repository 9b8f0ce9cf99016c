#include "detections.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "options.h"

namespace kissa::tools {
namespace {

constexpr std::size_t kRow = 7;
constexpr std::size_t kRegion = 5;

float overlap_of(const Detection& a, const Detection& b) {
  const float w = std::min(a.xmax, b.xmax) - std::max(a.xmin, b.xmin);
  const float h = std::min(a.ymax, b.ymax) - std::max(a.ymin, b.ymin);
  if (!(w > 0.0f && h > 0.0f)) return 0.0f;
  const auto area = [](const Detection& box) {
    return (box.xmax - box.xmin) * (box.ymax - box.ymin);
  };
  return w * h / (area(a) + area(b) - w * h);
}

// Keeps the best of those that overlap, in falling order of their scores.
std::vector<Detection> without_overlaps(std::vector<Detection> boxes, float overlap) {
  std::stable_sort(boxes.begin(), boxes.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  std::vector<Detection> kept;
  for (const Detection& box : boxes)
    if (std::none_of(kept.begin(), kept.end(),
                     [&](const Detection& other) { return overlap_of(box, other) > overlap; }))
      kept.push_back(box);
  return kept;
}

// A region of left, top, right, bottom in whole pixels, moved: centre by parts of its size, size by
// exp.
Detection moved(const float* region, const float* move, std::array<int, 2> size) {
  const float w = region[2] - region[0] + 1.0f, h = region[3] - region[1] + 1.0f;
  const float center_x = region[0] + 0.5f * w + move[0] * w;
  const float center_y = region[1] + 0.5f * h + move[1] * h;
  const float half_w = 0.5f * std::exp(move[2]) * w, half_h = 0.5f * std::exp(move[3]) * h;
  const auto height = static_cast<float>(size[0]), width = static_cast<float>(size[1]);
  const auto part = [](float pixel, float extent) {
    return std::max(0.0f, std::min(pixel / extent, 1.0f));
  };
  Detection box;
  box.xmin = part(center_x - half_w, width);
  box.ymin = part(center_y - half_h, height);
  box.xmax = part(center_x + half_w, width);
  box.ymax = part(center_y + half_h, height);
  return box;
}

}  // namespace

std::vector<std::string> DetectorOutputs::all() const {
  return is_ssd() ? std::vector<std::string>{boxes}
                  : std::vector<std::string>{boxes, regions, scores};
}

DetectorOutputs find_detector_outputs(const Model& model) {
  for (const LayerInfo& layer : model.layers()) {
    if (layer.op == "detection_output") return {.boxes = layer.outputs.at(0).name};
    if (layer.op != "proposal") continue;
    const TensorInfo& regions = layer.outputs.at(0);
    const std::int64_t rows = regions.dims.at(0);
    DetectorOutputs outputs{.boxes = {}, .regions = regions.name, .scores = {}};
    for (const TensorInfo& output : model.outputs()) {
      const bool is_scores = output.name.find("prob") != std::string::npos ||
                             output.name.find("cls") != std::string::npos;
      if (output.dims.size() < 2 || output.dims[0] != rows || output.name == regions.name) continue;
      (is_scores ? outputs.scores : outputs.boxes) = output.name;
    }
    if (!outputs.boxes.empty() && !outputs.scores.empty()) return outputs;
  }
  fail(ErrorCode::kInvalidModel,
       "network '{}' is no detector: it ends neither in DetectionOutput nor in scores and boxes of "
       "proposals; 'kissa run' runs it",
       model.name());
}

std::vector<Detection> ssd_detections(const OutputTensor& rows) {
  std::vector<Detection> found;
  for (std::size_t i = 0; i + kRow <= rows.data.size(); i += kRow) {
    const float* row = rows.data.data() + i;
    if (!(row[1] >= 0.0f)) continue;
    found.push_back({static_cast<int>(row[1]), row[2], row[3], row[4], row[5], row[6]});
  }
  return found;
}

std::vector<Detection> proposal_detections(const OutputTensor& regions, const OutputTensor& scores,
                                           const OutputTensor& moves, std::array<int, 2> size,
                                           float overlap) {
  const std::size_t rows =
      std::min({regions.data.size() / kRegion, static_cast<std::size_t>(scores.dims.at(0)),
                static_cast<std::size_t>(moves.dims.at(0))});
  if (rows == 0) return {};
  const std::size_t classes = scores.data.size() / static_cast<std::size_t>(scores.dims[0]);
  const std::size_t numbers = moves.data.size() / static_cast<std::size_t>(moves.dims[0]);
  const bool is_shared = numbers == 8 && classes != 2;
  if (!is_shared && numbers != 4 * classes)
    fail(ErrorCode::kInvalidModel, "moves of {} do not fit scores of {}", to_string(moves.dims),
         to_string(scores.dims));
  std::vector<Detection> found;
  for (std::size_t label = 1; label < classes; ++label) {
    std::vector<Detection> of_class;
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t at = r * numbers + 4 * (is_shared ? 1 : label);
      Detection box = moved(regions.data.data() + r * kRegion + 1, moves.data.data() + at, size);
      box.label = static_cast<int>(label);
      box.score = scores.data[r * classes + label];
      of_class.push_back(box);
    }
    const std::vector<Detection> kept = without_overlaps(std::move(of_class), overlap);
    found.insert(found.end(), kept.begin(), kept.end());
  }
  return found;
}

}  // namespace kissa::tools
