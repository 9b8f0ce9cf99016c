// Faster R-CNN's region proposals: the best boxes of a region proposal network.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Inputs, for A anchors (ratios x scales) on one image: scores 1 x 2A x H x W, of which the second
// half are those of the objects; the anchors' moves 1 x 4A x H x W; and height, width and scale of
// the image (1 x 3, more are unread).
// Anchors stand feat_stride pixels apart. They are moved (centre by parts of the box, size by
// exp), clipped to the image, and dropped where a side is under min_size x scale; the best
// pre_nms_top_n go through non-maximum suppression, and post_nms_top_n of them are kept.
// Outputs: R x 5 of 0, xmin, ymin, xmax, ymax; where with_scores, R x 1 scores; and a scalar, how
// many rows there are, of R = post_nms_top_n. Rows behind the last are 0.
// Arithmetic: the moves; what suppression takes depends on the data.
struct Proposal {
  static constexpr std::string_view kName = "proposal";
  static constexpr int kCountedAxis = 0;
  std::int64_t feat_stride = 16;
  std::int64_t base_size = 16;
  float min_size = 16.0f;
  std::vector<float> ratios = {0.5f, 1.0f, 2.0f};
  std::vector<float> scales = {8.0f, 16.0f, 32.0f};
  std::int64_t pre_nms_top_n = 6000;
  std::int64_t post_nms_top_n = 300;
  float nms_threshold = 0.7f;
  bool with_scores = false;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Proposal&, const Proposal&) = default;
};
static_assert(OpKind<Proposal>);

}  // namespace kissa
