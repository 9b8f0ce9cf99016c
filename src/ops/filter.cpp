#include "ops/filter.h"

#include <algorithm>
#include <cmath>

namespace kissa {

Shapes Filter::infer(const Shapes& in) const {
  if (in.size() < 2) fail(ErrorCode::kInvalidModel, "takes 2 inputs or more, not {}", in.size());
  const Shape& selector = in.back();
  if (selector.rank() == 0 || selector.elements() != selector[0])
    fail(ErrorCode::kInvalidModel, "takes a selector of one number an item, not {}",
         selector.to_string());
  Shapes out(in.begin(), in.end() - 1);
  for (const Shape& shape : out)
    if (shape.rank() == 0 || shape[0] != selector[0])
      fail(ErrorCode::kInvalidModel, "a selector of {} cannot choose among the items of {}",
           selector.to_string(), shape.to_string());
  out.push_back(Shape());
  return out;
}

void Filter::reference(ConstTensors x, Tensors y) const {
  const ConstTensor& selector = x.back();
  std::int64_t kept = 0;
  for (std::int64_t n = 0; n < selector.shape[0]; ++n) {
    if (std::trunc(selector.data[n]) == 0.0f) continue;
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      const std::int64_t size = x[i].shape.product(1, x[i].shape.rank());
      std::copy_n(x[i].data + n * size, size, y[i].data + kept * size);
    }
    ++kept;
  }
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const std::int64_t size = x[i].shape.product(1, x[i].shape.rank());
    std::fill(y[i].data + kept * size, y[i].data + y[i].shape.elements(), 0.0f);
  }
  y.back().data[0] = static_cast<float>(kept);
}

}  // namespace kissa
