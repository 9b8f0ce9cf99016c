// Ops that make an image larger or smaller.
#pragma once

#include <array>
#include <string>

#include "ops/op_kind.h"

namespace kissa {

// DeepLab's Interp: bilinear, the corners of input and output at the same place. Input N, C, H, W,
// of which `pad` (not positive: it cuts) elements at the beginning and end of both axes are left
// out. The output's height and width are those of the second input, where there is one; else
// `size`, where it is set; else (H - 1) / shrink + 1, and of that h + (h - 1) (zoom - 1).
// Arithmetic: three multiply-adds and three subtractions an element.
struct Interp {
  static constexpr std::string_view kName = "interp";
  std::array<std::int64_t, 2> size = {0, 0};  // 0, 0: by zoom and shrink
  std::int64_t zoom = 1;
  std::int64_t shrink = 1;
  std::array<std::int64_t, 2> pad = {0, 0};  // at the beginning, at the end

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Interp&, const Interp&) = default;
};

// Every element `scale` times in both directions: N, C, H, W -> N, C, H scale, W scale.
struct Upsample {
  static constexpr std::string_view kName = "upsample";
  std::int64_t scale = 2;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const { return fmt::format("scale {}", scale); }
  friend bool operator==(const Upsample&, const Upsample&) = default;
};

// SegNet's unpooling. Inputs: N, C, H, W, and the mask of a max pooling, of the same shape: where
// in the output's plane each element goes (the last of several); places that it does not have are
// passed over, the others are 0. The output's plane is `size` where it is set, else H and W times
// `scale`, less `cut`.
struct Unpool {
  static constexpr std::string_view kName = "unpool";
  std::array<std::int64_t, 2> scale = {2, 2};
  std::array<std::int64_t, 2> size = {0, 0};
  std::array<std::int64_t, 2> cut = {0, 0};

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Unpool&, const Unpool&) = default;
};

static_assert(OpKind<Interp> && OpKind<Upsample> && OpKind<Unpool>);

}  // namespace kissa
