#include "ops/lrn.h"

#include <algorithm>
#include <cmath>

namespace kissa {
namespace {

// The indices [begin, end) of [0, extent) that lie within `reach` of `at`.
struct Neighbours {
  std::int64_t begin;
  std::int64_t end;
};

Neighbours neighbours(std::int64_t at, std::int64_t reach, std::int64_t extent) {
  return {at > reach ? at - reach : 0, extent - at > reach ? at + reach + 1 : extent};
}

// The number of neighbours, summed over all of [0, extent).
std::int64_t count_neighbours(std::int64_t reach, std::int64_t extent) {
  std::int64_t count = 0;
  for (std::int64_t at = 0; at < extent; ++at) {
    const auto [begin, end] = neighbours(at, reach, extent);
    count += end - begin;
  }
  return count;
}

float normalised(float x, double bracket, float beta) {
  return static_cast<float>(x * std::pow(bracket, -static_cast<double>(beta)));
}

double square(float x) { return static_cast<double>(x) * x; }

void across_channels(const Lrn& op, const Shape& shape, const float* x, float* y) {
  const std::int64_t channels = shape[1];
  const std::int64_t plane = shape.product(2, 4);
  const double alpha = static_cast<double>(op.alpha) / static_cast<double>(op.size);
  for (std::int64_t n = 0; n < shape[0]; ++n, x += channels * plane, y += channels * plane) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto [begin, end] = neighbours(c, op.size / 2, channels);
      for (std::int64_t i = 0; i < plane; ++i) {
        double sum = 0.0;
        for (std::int64_t d = begin; d < end; ++d) sum += square(x[d * plane + i]);
        y[c * plane + i] = normalised(x[c * plane + i], op.k + alpha * sum, op.beta);
      }
    }
  }
}

void within_channel(const Lrn& op, const Shape& shape, const float* x, float* y) {
  const std::int64_t height = shape[2];
  const std::int64_t width = shape[3];
  const std::int64_t planes = shape.product(0, 2);
  const double area = static_cast<double>(op.size) * static_cast<double>(op.size);
  const double alpha = static_cast<double>(op.alpha) / area;
  for (std::int64_t n = 0; n < planes; ++n, x += height * width, y += height * width) {
    for (std::int64_t h = 0; h < height; ++h) {
      const Neighbours rows = neighbours(h, op.size / 2, height);
      for (std::int64_t w = 0; w < width; ++w) {
        const Neighbours columns = neighbours(w, op.size / 2, width);
        double sum = 0.0;
        for (std::int64_t r = rows.begin; r < rows.end; ++r)
          for (std::int64_t s = columns.begin; s < columns.end; ++s)
            sum += square(x[r * width + s]);
        y[h * width + w] = normalised(x[h * width + w], 1.0 + alpha * sum, op.beta);
      }
    }
  }
}

}  // namespace

Shapes Lrn::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  if (in[0].rank() != 4)
    fail(ErrorCode::kInvalidModel, "takes an input of 4 axes (N, C, H, W), not {}",
         in[0].to_string());
  if (size <= 0 || size % 2 == 0)
    fail(ErrorCode::kInvalidModel, "local_size {} must be odd and positive", size);
  return in;
}

Arithmetic Lrn::arithmetic(const Shapes& in, const Shapes&) const {
  const Shape& shape = in[0];
  const std::int64_t elements = shape.elements();
  const std::int64_t reach = size / 2;
  const std::int64_t taken =
      region == LrnRegion::kAcrossChannels
          ? count_of(count_neighbours(reach, shape[1]), shape[0] * shape.product(2, 4))
          : count_of(count_of(count_neighbours(reach, shape[2]), count_neighbours(reach, shape[3])),
                     shape.product(0, 2));
  return {taken + elements, 2 * elements};
}

void Lrn::reference(ConstTensors x, Tensors y) const {
  const auto run = region == LrnRegion::kAcrossChannels ? across_channels : within_channel;
  run(*this, x[0].shape, x[0].data, y[0].data);
}

std::string Lrn::describe() const {
  std::string text = fmt::format("size {}, alpha {}, beta {}", size, alpha, beta);
  if (region == LrnRegion::kWithinChannel) return text + ", within channel";
  return k == 1.0f ? text : text + fmt::format(", k {}", k);
}

}  // namespace kissa
