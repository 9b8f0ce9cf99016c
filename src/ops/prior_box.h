// SSD's PriorBox: the default boxes around each place of a feature map.
#pragma once

#include <array>
#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Inputs: the map, whose innermost axes are H and W, and the image, of which the two innermost
// extents are read; no values of either. Output: 1 x 2 x (H W boxes 4): first the boxes as xmin,
// ymin, xmax, ymax in units of the image, then as many variances.
// At each place, around ((w + offset) step_w, (h + offset) step_h), for each minimum size, rounded
// down to a whole number as SSD does: a square of it; a square of sqrt(min max), where there are
// maximum sizes; and for each aspect ratio (and 1 / ratio, where `flip`) other than 1, a box of
// min sqrt(ratio) x min / sqrt(ratio).
struct PriorBox {
  static constexpr std::string_view kName = "prior_box";
  static constexpr bool kReadsShapesOnly = true;
  std::vector<float> min_sizes;
  std::vector<float> max_sizes;  // none, or one for each of min_sizes
  std::vector<float> aspect_ratios;
  bool flip = true;
  bool clip = false;                           // boxes to the image
  std::vector<float> variances = {0.1f};       // one, or four
  std::array<std::int64_t, 2> image = {0, 0};  // height, width; 0: those of the second input
  std::vector<float> step;                     // height, width; none: image / map
  float offset = 0.5f;

  // 1, then the ratios without repetition, each followed by 1 / ratio where `flip`.
  std::vector<float> all_ratios() const;
  std::int64_t boxes_a_place() const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const PriorBox&, const PriorBox&) = default;
};
static_assert(OpKind<PriorBox>);

}  // namespace kissa
