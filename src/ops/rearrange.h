// Ops that only put elements elsewhere.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// SSD's Permute: output axis i is input axis order[i]. Axes that are not in `order` follow in their
// own order.
struct Permute {
  static constexpr std::string_view kName = "permute";
  std::vector<std::int64_t> order;

  // `order` made whole, for an input of so many axes. Throws kInvalidModel.
  std::vector<std::int64_t> full_order(int rank) const;
  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Permute&, const Permute&) = default;
};

// The elements along `axis` in reverse.
struct Reverse {
  static constexpr std::string_view kName = "reverse";
  int axis = 0;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const { return fmt::format("axis {}", axis); }
  friend bool operator==(const Reverse&, const Reverse&) = default;
};

// ShuffleNet's channel shuffle: axis 1 as group x C / group, transposed.
struct ShuffleChannel {
  static constexpr std::string_view kName = "shuffle_channel";
  std::int64_t group = 1;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const { return fmt::format("{} groups", group); }
  friend bool operator==(const ShuffleChannel&, const ShuffleChannel&) = default;
};

// Darknet's reorg: N, C, H, W -> N, C s^2, H / s, W / s. The image's memory is read as one of
// C / s^2, H, s, W, s and its two axes of s are put in front. reversed: N, C, H, W -> N,
// C / s^2, H s, W s; there the image is read as one of s, s, C / s^2, H, W, and its axes of s go
// behind H and behind W.
struct Reorg {
  static constexpr std::string_view kName = "reorg";
  std::int64_t stride = 1;
  bool reversed = false;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Reorg&, const Reorg&) = default;
};

// Leaves out `margins[i]` elements at both ends of axis i.
struct CropCenter {
  static constexpr std::string_view kName = "crop_center";
  std::vector<std::int64_t> margins;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const CropCenter&, const CropCenter&) = default;
};

static_assert(OpKind<Permute> && OpKind<Reverse> && OpKind<ShuffleChannel> && OpKind<Reorg> &&
              OpKind<CropCenter>);

}  // namespace kissa
