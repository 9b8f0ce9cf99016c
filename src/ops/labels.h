// What accuracy and the losses share: scores along an axis, and a label for each place beside it.
#pragma once

#include <cmath>

#include "base/error.h"
#include "base/tensor.h"

namespace kissa {

// A tensor as `outer` x `extent` x `inner`, the labels' axis in the middle.
struct LabelledRows {
  std::int64_t outer;
  std::int64_t extent;
  std::int64_t inner;
  std::int64_t places() const { return outer * inner; }
};

inline LabelledRows labelled_rows(const Shape& scores, int axis) {
  const int along = scores.canonical_axis(axis);
  return {scores.product(0, along), scores[along], scores.product(along + 1, scores.rank())};
}

inline void expect_labels(const Shape& scores, int axis, const Shape& labels) {
  const LabelledRows rows = labelled_rows(scores, axis);
  if (rows.places() != labels.elements())
    fail(ErrorCode::kInvalidModel,
         "takes a label for each of the {} places of {} beside axis {}, not labels of {}",
         rows.places(), scores.to_string(), axis, labels.to_string());
}

// A label as an index: numbers are rounded towards 0. -1 for what is no index below `extent`.
inline std::int64_t label_index(float label, std::int64_t extent) {
  return label > -1.0f && label < static_cast<float>(extent) ? static_cast<std::int64_t>(label)
                                                             : -1;
}

// Whether the label, as an integer, is the one to ignore.
inline bool is_label(float label, int wanted) {
  return std::trunc(label) == static_cast<float>(wanted);
}

}  // namespace kissa
