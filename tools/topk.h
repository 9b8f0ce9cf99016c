// The best classes of a row of scores. Equal scores rank by the lower index, NaN ranks last.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace kissa::tools {

// Indices of the `count` best scores (fewer where there are fewer), best first.
std::vector<std::size_t> top_k(std::span<const float> scores, std::size_t count);

// How many scores rank before scores[index].
std::size_t rank_of(std::span<const float> scores, std::size_t index);

}  // namespace kissa::tools
