#include "backends/cpu/conv_axis_map.h"

#include <algorithm>

namespace kissa::cpu {
namespace {

// Every input once, those of equal phase in a row.
AxisMap by_phase(std::int64_t phases, std::int64_t length, std::int64_t taps, std::int64_t stride,
                 std::int64_t dilation) {
  AxisMap map;
  map.places = phases * length;
  for (std::int64_t t = 0; t < taps; ++t)
    map.taps.push_back(t * dilation % stride * length + t * dilation / stride);
  for (std::int64_t f = 0; f < phases; ++f) map.runs.push_back({f * length, length, f, stride});
  return map;
}

// A copy for each tap.
AxisMap by_tap(std::int64_t outputs, std::int64_t taps, std::int64_t stride,
               std::int64_t dilation) {
  AxisMap map;
  map.places = taps * outputs;
  for (std::int64_t t = 0; t < taps; ++t) {
    map.taps.push_back(t * outputs);
    map.runs.push_back({t * outputs, outputs, t * dilation, stride});
  }
  return map;
}

}  // namespace

AxisMap in_order(std::int64_t outputs, std::int64_t taps, std::int64_t stride,
                 std::int64_t dilation) {
  AxisMap map;
  map.places = (outputs - 1) * stride + (taps - 1) * dilation + 1;
  map.step = stride;
  for (std::int64_t t = 0; t < taps; ++t) map.taps.push_back(t * dilation);
  map.runs = {{0, map.places, 0, 1}};
  return map;
}

AxisMap row_map(const ConvGeometry& g, std::int64_t rows) {
  const std::int64_t span = (rows - 1) * g.stride_h + (g.kernel_h - 1) * g.dilation_h + 1;
  return span <= g.kernel_h * rows ? in_order(rows, g.kernel_h, g.stride_h, g.dilation_h)
                                   : by_tap(rows, g.kernel_h, g.stride_h, g.dilation_h);
}

AxisMap column_map(const ConvGeometry& g) {
  const std::int64_t reach = (g.kernel_w - 1) * g.dilation_w;
  const std::int64_t phases = std::min(g.stride_w, reach + 1);
  const std::int64_t length = g.out_width + reach / g.stride_w;
  return phases * length <= g.kernel_w * g.out_width
             ? by_phase(phases, length, g.kernel_w, g.stride_w, g.dilation_w)
             : by_tap(g.out_width, g.kernel_w, g.stride_w, g.dilation_w);
}

}  // namespace kissa::cpu
