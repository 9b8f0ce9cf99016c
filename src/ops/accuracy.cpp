#include "ops/accuracy.h"

#include <vector>

#include "ops/labels.h"

namespace kissa {
namespace {

struct Score {
  std::int64_t found = 0;
  std::int64_t counted = 0;
  float ratio() const {
    return counted == 0 ? 0.0f : static_cast<float>(found) / static_cast<float>(counted);
  }
};

bool is_found(const float* scores, std::int64_t stride, std::int64_t extent, std::int64_t label,
              std::int64_t top_k) {
  std::int64_t others = -1;  // the label's own score is as large as itself
  for (std::int64_t k = 0; k < extent && others < top_k; ++k)
    others += scores[k * stride] >= scores[label * stride] ? 1 : 0;
  return others < top_k;
}

}  // namespace

Shapes Accuracy::infer(const Shapes& in) const {
  expect_inputs(in, 2);
  expect_labels(in[0], axis, in[1]);
  const std::int64_t extent = labelled_rows(in[0], axis).extent;
  if (top_k < 1 || top_k > extent)
    fail(ErrorCode::kInvalidModel, "top_k {} must be in 1 to {}, the number of labels", top_k,
         extent);
  Shapes out = {Shape()};
  if (per_class) out.push_back(Shape({extent}));
  return out;
}

Arithmetic Accuracy::arithmetic(const Shapes& in, const Shapes&) const {
  return {0, in[0].elements()};
}

void Accuracy::reference(ConstTensors x, Tensors y) const {
  const LabelledRows rows = labelled_rows(x[0].shape, axis);
  Score all;
  std::vector<Score> each(static_cast<std::size_t>(rows.extent));
  for (std::int64_t o = 0; o < rows.outer; ++o)
    for (std::int64_t i = 0; i < rows.inner; ++i) {
      const float given = x[1].data[o * rows.inner + i];
      if (ignore_label && is_label(given, *ignore_label)) continue;
      const std::int64_t label = label_index(given, rows.extent);
      const float* scores = x[0].data + o * rows.extent * rows.inner + i;
      const bool found = label >= 0 && is_found(scores, rows.inner, rows.extent, label, top_k);
      ++all.counted;
      all.found += found ? 1 : 0;
      if (label < 0) continue;
      Score& score = each[static_cast<std::size_t>(label)];
      ++score.counted;
      score.found += found ? 1 : 0;
    }
  y[0].data[0] = all.ratio();
  for (std::size_t k = 0; per_class && k < each.size(); ++k) y[1].data[k] = each[k].ratio();
}

std::string Accuracy::describe() const {
  std::string text = fmt::format("top {}, axis {}", top_k, axis);
  if (ignore_label) text += fmt::format(", ignoring {}", *ignore_label);
  return text;
}

}  // namespace kissa
