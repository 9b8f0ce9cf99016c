// Caffe's local response normalisation of N, C, H, W.
#pragma once

#include <string>

#include "ops/op_kind.h"

namespace kissa {

enum class LrnRegion { kAcrossChannels, kWithinChannel };

// Across: y = x (k + alpha / size * s)^-beta, s = sum of x^2 over `size` channels around the own.
// Within: y = x (1 + alpha / size^2 * s)^-beta, s = sum over size x size places around the own;
// `k` is unread, as in Caffe. Places outside the image count as 0 and do not shrink the divisor.
// Arithmetic: a multiply-add for each element inside the image that s takes in, one for the
// bracket; a power and a multiplication an element.
struct Lrn {
  static constexpr std::string_view kName = "lrn";
  std::int64_t size = 5;  // odd
  float alpha = 1.0f;
  float beta = 0.75f;
  float k = 1.0f;
  LrnRegion region = LrnRegion::kAcrossChannels;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Lrn&, const Lrn&) = default;
};
static_assert(OpKind<Lrn>);

}  // namespace kissa
