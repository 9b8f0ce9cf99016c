// The numbers of a 2-D convolution of NCHW, and what its tactics ask of it before they look closer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "backends/tactic.h"

namespace kissa::cpu {

struct ConvGeometry {
  std::int64_t images, channels, height, width;
  std::int64_t outputs, out_height, out_width;
  std::int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
  std::int64_t group;

  std::int64_t in_plane() const { return height * width; }
  std::int64_t out_plane() const { return out_height * out_width; }
  std::int64_t taps() const { return kernel_h * kernel_w; }
  bool is_strided() const { return stride_h != 1 || stride_w != 1; }
  bool is_dilated() const { return dilation_h != 1 || dilation_w != 1; }
  bool is_padded() const { return pad_h != 0 || pad_w != 0; }
  // Whether it is a product of matrices as it stands.
  bool is_gemm() const { return taps() == 1 && !is_strided() && !is_padded(); }
};

// One axis of an image that is gathered by the phases of a stride: `phases` planes of `length`
// places; tap t of output i is place i + shift(t) of plane phase(t).
struct PhasedAxis {
  std::int64_t stride, dilation, phases, length;

  PhasedAxis(std::int64_t outputs, std::int64_t taps, std::int64_t stride_of,
             std::int64_t dilation_of)
      : stride(stride_of),
        dilation(dilation_of),
        phases(std::min(stride, (taps - 1) * dilation + 1)),
        length(outputs + (taps - 1) * dilation / stride) {}
  std::int64_t phase(std::int64_t tap) const { return tap * dilation % stride; }
  std::int64_t shift(std::int64_t tap) const { return tap * dilation / stride; }
};

ConvGeometry geometry_of(const Convolution& conv, const Shape& in, const Shape& out);

// Of a node that refuse_convs let pass.
ConvGeometry geometry_of(const Region& region, const Region::Node& node);

// Why the region's nodes are not convolutions that blocked kernels can run: 2-D, of one and the
// same input from outside, which is not empty, with constant parameters, and epilogues that keep
// padding lanes at zero.
std::optional<std::string> refuse_convs(const Region& region);

// Whether the node's residual is the value that it convolves, so that both have one format.
bool adds_own_input(const Region::Node& node);

}  // namespace kissa::cpu
