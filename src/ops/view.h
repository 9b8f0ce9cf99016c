// Ops whose output is their input's memory under another name or shape.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

// Gives an op its arithmetic (none) and reference (a copy).
struct View {
  static constexpr bool kIsView = true;
  Arithmetic arithmetic(const Shapes&, const Shapes&) const { return {}; }
  void reference(ConstTensors x, Tensors y) const;
  friend bool operator==(const View&, const View&) = default;
};

// y = x: Caffe's Split, and Dropout at test time.
struct Identity : View {
  static constexpr std::string_view kName = "identity";
  Shapes infer(const Shapes& in) const;
  std::string describe() const { return {}; }
  friend bool operator==(const Identity&, const Identity&) = default;
};

// Makes one axis of axes [axis, end_axis]; negative axes count from the end.
struct Flatten : View {
  static constexpr std::string_view kName = "flatten";
  int axis = 1;
  int end_axis = -1;

  Shapes infer(const Shapes& in) const;
  std::string describe() const;
  friend bool operator==(const Flatten&, const Flatten&) = default;
};

// Puts `dims` in the place of `num_axes` axes (-1: all that follow) from `axis` on. A negative axis
// is a place counted from behind the last axis: -1 appends. In `dims`, 0 copies the input's extent
// at the same place and -1, at most once, takes what is left.
struct Reshape : View {
  static constexpr std::string_view kName = "reshape";
  std::vector<std::int64_t> dims;
  int axis = 0;
  int num_axes = -1;

  Shapes infer(const Shapes& in) const;
  std::string describe() const;
  friend bool operator==(const Reshape&, const Reshape&) = default;
};

static_assert(OpKind<Identity> && OpKind<Flatten> && OpKind<Reshape>);

}  // namespace kissa
