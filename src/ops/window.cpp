#include "ops/window.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace kissa {
namespace {

// The taps of axes [axis, end), for a window whose first element lies at `start`, behind the tap
// and pixel that the axes before have chosen.
void collect(const Window& window, const std::vector<std::int64_t>& image,
             const std::vector<std::int64_t>& start, std::size_t axis, Tap chosen,
             std::vector<Tap>& taps) {
  if (axis == image.size()) {
    taps.push_back(chosen);
    return;
  }
  for (std::int64_t k = 0; k < window.kernel[axis]; ++k) {
    const std::int64_t at = start[axis] + k * window.dilation[axis];
    if (at >= image[axis]) break;
    if (at < 0) continue;
    collect(window, image, start, axis + 1,
            {chosen.tap * window.kernel[axis] + k, chosen.pixel * image[axis] + at}, taps);
  }
}

}  // namespace

void check_window(std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                  std::int64_t dilation) {
  if (kernel <= 0 || stride <= 0 || dilation <= 0 || pad < 0)
    fail(ErrorCode::kInvalidModel,
         "kernel {}, stride {} and dilation {} must be positive, pad {} not negative", kernel,
         stride, dilation, pad);
  if (kernel > kMaxWindow || stride > kMaxWindow || dilation > kMaxWindow || pad > kMaxWindow)
    fail(ErrorCode::kInvalidModel, "kernel {}, stride {}, dilation {} or pad {} is over {}", kernel,
         stride, dilation, pad, kMaxWindow);
}

void check_window_axes(const Window& window, std::size_t axes) {
  for (const auto* list : {&window.kernel, &window.stride, &window.pad, &window.dilation})
    if (list->size() != axes)
      fail(ErrorCode::kInvalidModel, "a kernel of {} axes does not fit an input of {} spatial axes",
           list->size(), axes);
}

void check_groups(std::int64_t channels, std::int64_t num_output, std::int64_t group) {
  if (num_output <= 0) fail(ErrorCode::kInvalidModel, "num_output {} must be positive", num_output);
  if (group <= 0) fail(ErrorCode::kInvalidModel, "group {} must be positive", group);
  if (channels % group != 0)
    fail(ErrorCode::kInvalidModel, "{} input channels are no multiple of group {}", channels,
         group);
  if (num_output % group != 0)
    fail(ErrorCode::kInvalidModel, "num_output {} is no multiple of group {}", num_output, group);
}

std::string describe_window(const Window& window) {
  const auto differs_from = [](std::int64_t usual) {
    return [usual](std::int64_t extent) { return extent != usual; };
  };
  std::string text =
      fmt::format("{}, stride {}", fmt::join(window.kernel, "x"), fmt::join(window.stride, "x"));
  if (std::any_of(window.pad.begin(), window.pad.end(), differs_from(0)))
    text += fmt::format(", pad {}", fmt::join(window.pad, "x"));
  if (std::any_of(window.dilation.begin(), window.dilation.end(), differs_from(1)))
    text += fmt::format(", dilation {}", fmt::join(window.dilation, "x"));
  return text;
}

std::string describe_window(std::int64_t num_output, const Window& window, std::int64_t group,
                            bool has_bias) {
  return fmt::format("{} x {}{}{}", num_output, describe_window(window),
                     group == 1 ? "" : fmt::format(", group {}", group),
                     has_bias ? "" : ", no bias");
}

std::vector<std::int64_t> extents_behind(const Shape& shape, int axis) {
  return {shape.dims().begin() + axis + 1, shape.dims().end()};
}

std::int64_t product(const std::vector<std::int64_t>& extents) {
  std::int64_t product = 1;
  for (const std::int64_t extent : extents) product *= extent;
  return product;
}

std::vector<std::int64_t> window_places(const Window& window,
                                        const std::vector<std::int64_t>& image) {
  check_window_axes(window, image.size());
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < image.size(); ++i) {
    const auto [kernel, stride, pad, dilation] =
        std::array{window.kernel[i], window.stride[i], window.pad[i], window.dilation[i]};
    check_window(kernel, stride, pad, dilation);
    const std::int64_t reach = dilation * (kernel - 1) + 1;
    const std::int64_t padded = image[i] + 2 * pad;
    if (padded < reach)
      fail(ErrorCode::kInvalidModel,
           "a window of {} (kernel {}, dilation {}) is larger than the padded input of {}", reach,
           kernel, dilation, padded);
    places.push_back((padded - reach) / stride + 1);
  }
  return places;
}

std::vector<Tap> taps_inside(const Window& window, std::int64_t place,
                             const std::vector<std::int64_t>& places,
                             const std::vector<std::int64_t>& image) {
  std::vector<std::int64_t> start(image.size());
  for (std::size_t i = image.size(); i-- > 0;) {
    start[i] = place % places[i] * window.stride[i] - window.pad[i];
    place /= places[i];
  }
  std::vector<Tap> taps;
  collect(window, image, start, 0, {0, 0}, taps);
  return taps;
}

}  // namespace kissa
