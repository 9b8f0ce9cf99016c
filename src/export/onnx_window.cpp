#include <algorithm>
#include <cfloat>

#include "export/onnx_ops.h"
#include "ops/window.h"

namespace kissa::onnx {
namespace {

// The first input as N, C, D1..Dk: the axes in front of the channel axis taken as one.
struct Images {
  std::string name;
  Shape shape;
};

Images images_of(NodeWriter& w, int channel_axis) {
  const Shape& in = w.input_shape();
  const int axis = in.canonical_axis(channel_axis);
  if (in.rank() == axis + 1) w.refuse("a convolution over no axis");
  if (axis == 1) return {w.input(), in};
  std::vector<std::int64_t> dims(in.dims().begin() + axis, in.dims().end());
  dims.insert(dims.begin(), in.product(0, axis));
  return {w.reshaped(w.input(), Shape(dims)), Shape(dims)};
}

void result_of_images(NodeWriter& w, const std::string& y, int channel_axis) {
  const bool is_folded = w.input_shape().canonical_axis(channel_axis) != 1;
  w.result(is_folded ? w.reshaped(y, w.output_shape()) : y);
}

// Padding in front of all axes, then behind them.
Integers same_pads(const std::vector<std::int64_t>& pad) {
  Integers pads = pad;
  pads.insert(pads.end(), pad.begin(), pad.end());
  return pads;
}

template <class Conv>
void write_convolution(NodeWriter& w, std::string_view name, const Conv& op) {
  Names inputs = {images_of(w, op.axis).name, w.param(0)};
  if (op.has_bias) inputs.push_back(w.param(1));
  const std::string y = w.add(name, inputs,
                              {{"kernel_shape", op.kernel},
                               {"strides", op.stride},
                               {"pads", same_pads(op.pad)},
                               {"dilations", op.dilation},
                               {"group", op.group}});
  result_of_images(w, y, op.axis);
}

// ---- Pooling

// The windows over one axis of the image.
struct Windows {
  std::int64_t extent;
  std::int64_t kernel;
  std::int64_t stride;
  std::int64_t pad;
  std::int64_t count;

  // Those that hold something of the image. Caffe has empty ones behind them where it rounds up
  // without padding; ONNX knows none.
  std::int64_t filled() const { return std::min(count, (extent + pad + stride - 1) / stride); }
  // What the last of them needs behind the image. More than that would be another window.
  std::int64_t pad_end() const {
    return std::max<std::int64_t>((filled() - 1) * stride + kernel - pad - extent, 0);
  }
  // The elements of a window inside image and padding: what Caffe's average divides by.
  std::int64_t size(std::int64_t place) const {
    const std::int64_t begin = place * stride - pad;
    return std::min(begin + kernel, extent + pad) - begin;
  }
};

class PoolWriter {
 public:
  PoolWriter(NodeWriter& w, const Pooling& op)
      : w_(w), op_(op), rows_(windows(0)), columns_(windows(1)) {}

  // Caffe's global pooling, or what comes to it.
  bool is_global() const {
    return rows_.kernel == rows_.extent && columns_.kernel == columns_.extent && rows_.count == 1 &&
           columns_.count == 1 && !is_padded();
  }
  bool has_empty() const {
    return rows_.filled() < rows_.count || columns_.filled() < columns_.count;
  }

  // The windows that are filled.
  Names pool(std::string_view name, const std::string& x, int results = 1,
             Attributes attributes = {}) {
    attributes.push_back({"kernel_shape", Integers{rows_.kernel, columns_.kernel}});
    attributes.push_back({"strides", Integers{rows_.stride, columns_.stride}});
    attributes.push_back(
        {"pads", Integers{rows_.pad, columns_.pad, rows_.pad_end(), columns_.pad_end()}});
    return w_.add(name, {x}, results, attributes);
  }

  // The sum of each window over the kernel's size.
  std::string mean_of_whole_window(const std::string& x) {
    return pool("AveragePool", x, 1, {{"count_include_pad", 1}})[0];
  }

  std::string average(const std::string& x) {
    // Without padding, Caffe divides by what lies inside the image, as ONNX does by itself.
    if (!is_padded()) return pool("AveragePool", x)[0];
    const std::string y = mean_of_whole_window(x);
    if (rows_.pad_end() <= rows_.pad && columns_.pad_end() <= columns_.pad) return y;
    return w_.add("Mul", {y, corrections()});
  }

  // With the empty windows, which hold `value`.
  std::string with_empty(const std::string& y, float value) {
    if (!has_empty()) return y;
    const Integers pads = {
        0, 0, 0, 0, 0, 0, rows_.count - rows_.filled(), columns_.count - columns_.filled()};
    return w_.add("Pad", {y, w_.constant(pads), w_.constant(value)});
  }

  // Caffe's average of the last, empty window: nothing by its size, which may be below 0.
  float empty_average() const {
    return 0.0f /
           static_cast<float>(rows_.size(rows_.count - 1) * columns_.size(columns_.count - 1));
  }

 private:
  Windows windows(int axis) const {
    const auto i = static_cast<std::size_t>(axis);
    const Shape& in = w_.input_shape();
    return {in[2 + axis], op_.kernel_on(in)[i], op_.stride[i], op_.pad[i],
            w_.output_shape()[2 + axis]};
  }
  bool is_padded() const { return rows_.pad != 0 || columns_.pad != 0; }

  // The kernel's size over Caffe's divisor, for every window.
  std::string corrections() {
    const auto whole = static_cast<float>(rows_.kernel * columns_.kernel);
    std::vector<float> factors;
    for (std::int64_t p = 0; p < rows_.count; ++p)
      for (std::int64_t q = 0; q < columns_.count; ++q)
        factors.push_back(whole / static_cast<float>(rows_.size(p) * columns_.size(q)));
    return w_.constant({1, 1, rows_.count, columns_.count}, std::move(factors));
  }

  NodeWriter& w_;
  const Pooling& op_;
  Windows rows_;
  Windows columns_;
};

void write_max(NodeWriter& w, PoolWriter& pool) {
  if (w.outputs() == 1 && pool.is_global()) return w.result(w.add("GlobalMaxPool", {w.input()}));
  const Names y = pool.pool("MaxPool", w.input(), w.outputs());
  w.result(pool.with_empty(y[0], -FLT_MAX));
  if (w.outputs() == 1) return;
  const std::string plane = w.constant(Integers{w.input_shape().product(2, 4)});
  const std::string places = w.add("Cast", {w.add("Mod", {y[1], plane})}, {{"to", kFloat}});
  w.result(pool.with_empty(places, -1.0f), 1);
}

// Sum of squares / sum, and 0 where the sum is not positive.
void write_stochastic(NodeWriter& w, PoolWriter& pool) {
  const std::string squares = pool.mean_of_whole_window(w.add("Mul", {w.input(), w.input()}));
  const std::string sum = pool.mean_of_whole_window(w.input());
  const std::string zero = w.constant(0.0f);
  const std::string is_positive = w.add("Greater", {sum, zero});
  const std::string y = w.add("Where", {is_positive, w.add("Div", {squares, sum}), zero});
  w.result(pool.with_empty(y, 0.0f));
}

}  // namespace

void write(NodeWriter& w, const Convolution& op) { write_convolution(w, "Conv", op); }
void write(NodeWriter& w, const Deconvolution& op) { write_convolution(w, "ConvTranspose", op); }

// As a convolution of each channel with kernels that are 1 at one tap.
void write(NodeWriter& w, const Im2col& op) {
  const auto [x, shape] = images_of(w, op.axis);
  const std::int64_t channels = shape[1];
  const std::int64_t taps = product(op.kernel);
  std::vector<std::int64_t> dims = op.kernel;
  dims.insert(dims.begin(), {channels * taps, 1});
  const Shape weight_shape(dims);
  std::vector<float> weight(static_cast<std::size_t>(weight_shape.elements()), 0.0f);
  for (std::int64_t row = 0; row < channels * taps; ++row)
    weight[static_cast<std::size_t>(row * taps + row % taps)] = 1.0f;
  const std::string y = w.add("Conv", {x, w.constant(weight_shape, std::move(weight))},
                              {{"kernel_shape", op.kernel},
                               {"strides", op.stride},
                               {"pads", same_pads(op.pad)},
                               {"dilations", op.dilation},
                               {"group", channels}});
  result_of_images(w, y, op.axis);
}

void write(NodeWriter& w, const Pooling& op) {
  PoolWriter pool(w, op);
  switch (op.method) {
    case PoolMethod::kMax: return write_max(w, pool);
    case PoolMethod::kStochastic: return write_stochastic(w, pool);
    case PoolMethod::kAverage:
      return w.result(pool.is_global()
                          ? w.add("GlobalAveragePool", {w.input()})
                          : pool.with_empty(pool.average(w.input()), pool.empty_average()));
  }
}

}  // namespace kissa::onnx
