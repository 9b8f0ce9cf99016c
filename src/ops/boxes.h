// Boxes with scores: overlap and non-maximum suppression, as detectors' last layers share them.
#pragma once

#include <cstdint>
#include <vector>

namespace kissa {

struct Box {
  float xmin = 0.0f, ymin = 0.0f, xmax = 0.0f, ymax = 0.0f;
};

// Area; 0 for a box whose ends lie before its beginnings. `extra`: what is added to width and
// height: 1 where coordinates are whole pixels that the box includes.
float area_of(const Box& box, float extra);
// Intersection over union.
float overlap_of(const Box& a, const Box& b, float extra);

// How suppress() works.
struct Suppression {
  float threshold = 0.0f;  // what overlaps a kept box by more is dropped
  float eta = 1.0f;        // below 1: the threshold shrinks by it at each kept box, down to 0.5
  float extra = 0.0f;      // of overlap_of
  std::int64_t most = -1;  // boxes to keep at most; -1: all
};

// The indices of `order` (best first) that are kept.
std::vector<int> suppress(const std::vector<Box>& boxes, const std::vector<int>& order,
                          const Suppression& how);

// The indices of scores above `threshold` (NaN never is), best first, equal ones in their order; at
// most `most`, or all for -1.
std::vector<int> best_first(const std::vector<float>& scores, float threshold, std::int64_t most);

}  // namespace kissa
