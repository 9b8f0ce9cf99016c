// Pooling of regions of interest: Fast R-CNN's, and R-FCN's position-sensitive one.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Inputs: data N x C x H x W, and R x 5 regions of image, xmin, ymin, xmax, ymax in pixels of the
// network's input, of which spatial_scale makes the data's. Output: R x C x pooled_h x pooled_w,
// the largest element of each part of a region; 0 for a part without elements, and for a region of
// an image that there is not.
// Arithmetic: depends on the regions; as though each were the whole plane, a comparison an element.
struct RoiPooling {
  static constexpr std::string_view kName = "roi_pooling";
  std::int64_t pooled_h = 1;
  std::int64_t pooled_w = 1;
  float spatial_scale = 1.0f;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const RoiPooling&, const RoiPooling&) = default;
};

// The same inputs, with C = output_dim group_size^2. Output: R x output_dim x group_size x
// group_size; place (c, h, w) averages channel (c group_size + h) group_size + w over its part of
// the region.
// Arithmetic: as though each region were the whole plane, an addition an element of that.
struct PsRoiPooling {
  static constexpr std::string_view kName = "psroi_pooling";
  std::int64_t output_dim = 1;
  std::int64_t group_size = 1;
  float spatial_scale = 1.0f;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const PsRoiPooling&, const PsRoiPooling&) = default;
};

static_assert(OpKind<RoiPooling> && OpKind<PsRoiPooling>);

}  // namespace kissa
