// Numbers for parameters of a network without weights.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/shape.h"

namespace kissa::caffe {

// Fills `out`, the parameter called `name` ("weight", "mean", ...) of shape `shape`, such that
// activations keep their magnitude from layer to layer: weights uniform with variance 1 / fan_in,
// small biases, scales near 1, and statistics that change nothing. The numbers depend only on seed,
// layer and index, on every platform.
void fill_randomly(std::span<float> out, const Shape& shape, std::string_view name,
                   std::uint64_t seed, std::string_view layer, int index);

}  // namespace kissa::caffe
