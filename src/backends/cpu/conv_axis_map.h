// How a direct convolution's strip of gathered inputs lies along one axis.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/cpu/conv_geometry.h"

namespace kissa::cpu {

// Where the inputs of each tap lie along one axis of a strip: output i of tap t at
// tap(t) + i * step.
struct AxisMap {
  struct Run {  // strip places [place, place + count) hold x, x + step, ...; x: in the padded image
    std::int64_t place, count, x, step;
  };
  std::int64_t places = 0;
  std::int64_t step = 1;
  std::vector<std::int64_t> taps;
  std::vector<Run> runs;
};

// Every input once, in order: outputs stand `stride` apart.
AxisMap in_order(std::int64_t outputs, std::int64_t taps, std::int64_t stride,
                 std::int64_t dilation);

// The smallest map of the rows that `rows` rows of outputs need, and of the columns.
AxisMap row_map(const ConvGeometry& g, std::int64_t rows);
AxisMap column_map(const ConvGeometry& g);

}  // namespace kissa::cpu
