// SSD's DetectionOutput: boxes from locations, confidences and default boxes.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// How a location moves a default box.
enum class BoxCode {
  kCorner,      // each corner by itself
  kCenterSize,  // the centre by parts of the box, the logarithm of its size
  kCornerSize,  // each corner by parts of the box
};

// Inputs, for P default boxes: locations N x (P classes 4; one class where share_location),
// confidences N x (P classes), the boxes of PriorBox 1 x 2 x 4P.
// Of each class but the background: what is above confidence_threshold, the best nms_top_k of it,
// non-maximum suppression; then the best keep_top_k of an image. A top_k of -1: all.
// Outputs: 1 x 1 x R x 7 of image, class, score, xmin, ymin, xmax, ymax, ordered by image, class,
// falling score, R as large as it can get; and a scalar, how many rows there are. Where nothing is
// found, there is a row an image of which all but the image is -1. Rows behind the last are 0.
// Arithmetic: the decoding; what suppression takes depends on the data.
struct DetectionOutput {
  static constexpr std::string_view kName = "detection_output";
  static constexpr int kCountedAxis = 2;
  std::int64_t num_classes = 0;
  bool share_location = true;
  int background_label = 0;  // -1: none
  float nms_threshold = 0.3f;
  float nms_eta = 1.0f;
  std::int64_t nms_top_k = -1;
  std::int64_t keep_top_k = -1;
  BoxCode code = BoxCode::kCorner;
  bool variance_in_target = false;  // locations are not multiplied by the variances
  float confidence_threshold = -3.402823466e38f;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const DetectionOutput&, const DetectionOutput&) = default;
};
static_assert(OpKind<DetectionOutput>);

}  // namespace kissa
