#include "ops/pooling.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cfloat>

#include "ops/window.h"

namespace kissa {
namespace {

// One axis of the window at one place: its size clipped to the padded image (0 or less where the
// window is empty), and the elements [begin, end) inside the image.
struct Span {
  std::int64_t size;
  std::int64_t begin;
  std::int64_t end;
};

Span span_at(std::int64_t place, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
             std::int64_t extent) {
  const std::int64_t begin = place * stride - pad;
  const std::int64_t end = std::min(begin + kernel, extent + pad);
  return {end - begin, std::max<std::int64_t>(begin, 0), std::min(end, extent)};
}

std::vector<Span> spans(const Pooling& op, const Shape& in, const Shape& out, int axis) {
  const auto i = static_cast<std::size_t>(axis);
  std::vector<Span> result;
  for (std::int64_t place = 0; place < out[2 + axis]; ++place)
    result.push_back(span_at(place, op.kernel_on(in)[i], op.stride[i], op.pad[i], in[2 + axis]));
  return result;
}

// The elements inside the image, summed over all windows of an axis.
std::int64_t covered(const std::vector<Span>& spans) {
  std::int64_t sum = 0;
  for (const Span& span : spans) sum += std::max<std::int64_t>(span.end - span.begin, 0);
  return sum;
}

std::int64_t places(std::int64_t extent, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                    RoundMode round_mode, bool any_pad) {
  check_window(kernel, stride, pad);
  const std::int64_t room = extent + 2 * pad - kernel;
  const bool round_up = round_mode == RoundMode::kCeil && room > 0 && room % stride != 0;
  // C++ rounds a negative quotient up, which is Caffe's ceil: a kernel that is larger than the
  // padded input by less than a stride still has one place.
  std::int64_t count = room / stride + (round_up ? 2 : 1);
  if (round_mode == RoundMode::kFloor && room < 0) count = 0;
  if (any_pad && (count - 1) * stride >= extent + pad) --count;
  if (count <= 0)
    fail(ErrorCode::kInvalidModel, "a kernel of {} is larger than the padded input of {}", kernel,
         extent + 2 * pad);
  return count;
}

struct Pooled {
  float value;
  std::int64_t place;  // of the maximum
};

Pooled maximum(const float* plane, std::int64_t width, const Span& rows, const Span& columns) {
  Pooled best = {-FLT_MAX, -1};
  for (std::int64_t h = rows.begin; h < rows.end; ++h)
    for (std::int64_t w = columns.begin; w < columns.end; ++w)
      if (plane[h * width + w] > best.value) best = {plane[h * width + w], h * width + w};
  return best;
}

float average(const float* plane, std::int64_t width, const Span& rows, const Span& columns) {
  double sum = 0.0;
  for (std::int64_t h = rows.begin; h < rows.end; ++h)
    for (std::int64_t w = columns.begin; w < columns.end; ++w) sum += plane[h * width + w];
  return static_cast<float>(sum / static_cast<double>(rows.size * columns.size));
}

float stochastic(const float* plane, std::int64_t width, const Span& rows, const Span& columns) {
  double sum = 0.0;
  double squares = 0.0;
  for (std::int64_t h = rows.begin; h < rows.end; ++h) {
    for (std::int64_t w = columns.begin; w < columns.end; ++w) {
      const double value = plane[h * width + w];
      sum += value;
      squares += value * value;
    }
  }
  return sum > 0.0 ? static_cast<float>(squares / sum) : 0.0f;
}

}  // namespace

std::array<std::int64_t, 2> Pooling::kernel_on(const Shape& in) const {
  return global ? std::array{in[2], in[3]} : kernel;
}

Shapes Pooling::infer(const Shapes& in) const {
  expect_inputs(in, 1);
  const Shape& shape = in[0];
  if (shape.rank() != 4)
    fail(ErrorCode::kInvalidModel, "takes an input of 4 axes (N, C, H, W), not {}",
         shape.to_string());
  const bool any_pad = pad[0] != 0 || pad[1] != 0;
  if (global && (any_pad || stride != std::array<std::int64_t, 2>{1, 1}))
    fail(ErrorCode::kInvalidModel, "global pooling takes stride 1 and pad 0 only");
  if (any_pad && method == PoolMethod::kStochastic)
    fail(ErrorCode::kInvalidModel, "stochastic pooling takes pad 0 only");
  if (with_mask && method != PoolMethod::kMax)
    fail(ErrorCode::kInvalidModel, "only maximum pooling has a mask output");

  Shape out = shape;
  const auto window = kernel_on(shape);
  for (const int axis : {0, 1}) {
    const auto i = static_cast<std::size_t>(axis);
    if (any_pad && pad[i] >= window[i])
      fail(ErrorCode::kInvalidModel, "pad {} must be less than kernel {}", pad[i], window[i]);
    out = out.with(2 + axis,
                   places(shape[2 + axis], window[i], stride[i], pad[i], round_mode, any_pad));
  }
  return with_mask ? Shapes{out, out} : Shapes{out};
}

Arithmetic Pooling::arithmetic(const Shapes& in, const Shapes& out) const {
  const std::int64_t elements = count_of(
      count_of(covered(spans(*this, in[0], out[0], 0)), covered(spans(*this, in[0], out[0], 1))),
      in[0].product(0, 2));
  const std::int64_t divisions = method == PoolMethod::kMax ? 0 : out[0].elements();
  return {method == PoolMethod::kStochastic ? elements : 0, elements + divisions};
}

void Pooling::reference(ConstTensors x, Tensors y) const {
  const Shape& in = x[0].shape;
  const Shape& out = y[0].shape;
  const auto rows = spans(*this, in, out, 0);
  const auto columns = spans(*this, in, out, 1);
  const std::int64_t planes = in.product(0, 2);
  std::int64_t i = 0;  // of the output element
  for (std::int64_t n = 0; n < planes; ++n) {
    const float* plane = x[0].data + n * in.product(2, 4);
    for (const Span& row : rows) {
      for (const Span& column : columns) {
        switch (method) {
          case PoolMethod::kMax: {
            const Pooled best = maximum(plane, in[3], row, column);
            y[0].data[i] = best.value;
            if (with_mask) y[1].data[i] = static_cast<float>(best.place);
            break;
          }
          case PoolMethod::kAverage: y[0].data[i] = average(plane, in[3], row, column); break;
          case PoolMethod::kStochastic: y[0].data[i] = stochastic(plane, in[3], row, column); break;
        }
        ++i;
      }
    }
  }
}

std::string Pooling::describe() const {
  std::string text = method == PoolMethod::kMax       ? "max"
                     : method == PoolMethod::kAverage ? "average"
                                                      : "stochastic";
  if (global) return text + ", global";
  text += fmt::format(" {}, stride {}", fmt::join(kernel, "x"), fmt::join(stride, "x"));
  if (pad[0] != 0 || pad[1] != 0) text += fmt::format(", pad {}", fmt::join(pad, "x"));
  if (round_mode == RoundMode::kFloor) text += ", rounded down";
  if (with_mask) text += ", with mask";
  return text;
}

}  // namespace kissa
