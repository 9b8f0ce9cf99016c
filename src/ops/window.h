// The sliding window that convolution and its relatives share, over any number of axes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/shape.h"

namespace kissa {

// Caffe's own limit on kernel, stride, pad and dilation: they are 32-bit. It keeps every sum and
// product of them with an extent within 64 bits.
inline constexpr std::int64_t kMaxWindow = INT32_MAX;

// Throws kInvalidModel unless kernel, stride and dilation are positive, pad is not negative, and
// none is over kMaxWindow.
void check_window(std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                  std::int64_t dilation = 1);

// A window's parameters, one a spatial axis.
struct Window {
  const std::vector<std::int64_t>& kernel;
  const std::vector<std::int64_t>& stride;
  const std::vector<std::int64_t>& pad;
  const std::vector<std::int64_t>& dilation;
};

// Throws kInvalidModel unless each of the window's lists holds `axes` numbers.
void check_window_axes(const Window& window, std::size_t axes);
// Throws kInvalidModel unless `group` divides both counts, and all are positive (channels may be
// 0).
void check_groups(std::int64_t channels, std::int64_t num_output, std::int64_t group);

// "3x3, stride 1x1, pad 1x1, dilation 2x2"; pad and dilation only where they do something.
std::string describe_window(const Window& window);
// "64 x 3x3, stride 1x1, group 2, no bias"
std::string describe_window(std::int64_t num_output, const Window& window, std::int64_t group,
                            bool has_bias);

// The extents behind `axis`.
std::vector<std::int64_t> extents_behind(const Shape& shape, int axis);
std::int64_t product(const std::vector<std::int64_t>& extents);

// The number of places that the window has over each axis of `image`, rounded down. Throws
// kInvalidModel where the window fits no image of so many axes, or is larger than the padded image.
std::vector<std::int64_t> window_places(const Window& window,
                                        const std::vector<std::int64_t>& image);

// A tap of the window that lies inside the image; both as flat row-major indices.
struct Tap {
  std::int64_t tap;    // in the kernel
  std::int64_t pixel;  // in the image
};

// The taps inside the image of the window at `place` (a flat index in the box of `places`).
std::vector<Tap> taps_inside(const Window& window, std::int64_t place,
                             const std::vector<std::int64_t>& places,
                             const std::vector<std::int64_t>& image);

}  // namespace kissa
