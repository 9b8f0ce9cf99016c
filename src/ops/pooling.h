// Caffe's Pooling over the two innermost axes of N, C, H, W.
#pragma once

#include <array>
#include <string>

#include "ops/op_kind.h"

namespace kissa {

enum class PoolMethod {
  kMax,         // of an empty window: -FLT_MAX
  kAverage,     // over the window clipped to the padded image; of an empty window: NaN
  kStochastic,  // what it comes to at test time: sum of squares / sum; of a sum <= 0: 0
};
enum class RoundMode { kCeil, kFloor };

// Input N, C, H, W -> N, C, P, Q with P = (H + 2 pad - kernel) / stride + 1, rounded as round_mode
// says; where there is any padding, a last window that would start behind image and padding is
// dropped. Where with_mask, a second output of the same shape holds the place of each maximum as
// h * W + w (the first of equal ones; -1 in an empty window).
// Arithmetic: an operation for each element of the image inside each window (comparison, addition;
// stochastic: a multiply-add besides), and a division a window where the method divides.
struct Pooling {
  static constexpr std::string_view kName = "pooling";
  PoolMethod method = PoolMethod::kMax;
  std::array<std::int64_t, 2> kernel = {0, 0};  // height, width; unread where global
  std::array<std::int64_t, 2> stride = {1, 1};
  std::array<std::int64_t, 2> pad = {0, 0};
  bool global = false;  // one window, the whole plane; stride must be 1 and pad 0
  RoundMode round_mode = RoundMode::kCeil;
  bool with_mask = false;  // only with kMax

  // The kernel on such an input: H and W where global.
  std::array<std::int64_t, 2> kernel_on(const Shape& in) const;

  Shapes infer(const Shapes& in) const;
  Arithmetic arithmetic(const Shapes& in, const Shapes& out) const;
  void reference(ConstTensors x, Tensors y) const;
  std::string describe() const;
  friend bool operator==(const Pooling&, const Pooling&) = default;
};
static_assert(OpKind<Pooling>);

}  // namespace kissa
