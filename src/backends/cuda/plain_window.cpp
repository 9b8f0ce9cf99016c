// Convolution the way BVLC Caffe's own GPU path computes it:
//   col (C/G R S x P Q, each group) = im2col(x),  y_g (K/G x P Q) = w_g (K/G x C/G R S) * col_g,
//   then y += bias by a kernel of its own. A 1x1 of stride 1 needs no im2col. As many images at a
//   time as fit the workspace.
#include <algorithm>

#include "backends/cuda/kernels/convolution.h"
#include "backends/cuda/kernels/elementwise.h"
#include "backends/cuda/kernels/pool.h"
#include "backends/cuda/plain.h"

namespace kissa::cuda {
namespace {

// `image` and `places`: the shapes behind whose `axis` the window's axes lie.
template <class Op>
WindowAxes window_of(const Op& op, const Shape& image, const Shape& places, int axis) {
  WindowAxes window;
  window.axes = image.rank() - axis - 1;
  for (int i = 0; i < window.axes; ++i) {
    const auto at = static_cast<std::size_t>(i);
    window.kernel[i] = op.kernel[at];
    window.stride[i] = op.stride[at];
    window.pad[i] = op.pad[at];
    window.dilation[i] = op.dilation[at];
    window.image[i] = image[axis + 1 + i];
    window.places[i] = places[axis + 1 + i];
    window.taps *= window.kernel[i];
    window.image_size *= window.image[i];
    window.places_count *= window.places[i];
  }
  return window;
}

// Whether the columns are the image itself.
bool is_pointwise(const WindowAxes& window) {
  for (int i = 0; i < window.axes; ++i)
    if (window.kernel[i] != 1 || window.stride[i] != 1 || window.pad[i] != 0) return false;
  return true;
}

constexpr std::int64_t kMaxColumns = std::int64_t{64} << 20;  // elements, but for one image

}  // namespace

Program convolution_by(Product product, const Convolution& op, const NodeView& node) {
  const int axis = node.in(0).canonical_axis(op.axis);
  const WindowAxes window = window_of(op, node.in(0), node.out(0), axis);
  const std::int64_t images = node.in(0).product(0, axis);
  const std::int64_t channels = node.in(0)[axis];
  const std::int64_t columns = channels * window.taps * window.places_count;  // of an image
  const bool pointwise = is_pointwise(window);
  const std::int64_t at_once =
      pointwise ? images
                : std::clamp<std::int64_t>(kMaxColumns / std::max<std::int64_t>(columns, 1), 1,
                                           std::max<std::int64_t>(images, 1));
  const std::int64_t depth = channels / op.group * window.taps;
  const std::int64_t outputs = op.num_output / op.group;
  const GemmShape gemm = {.m = outputs,
                          .n = window.places_count,
                          .k = depth,
                          .a_period = op.group,
                          .a_stride = outputs * depth,
                          .b_stride = depth * window.places_count,
                          .c_stride = outputs * window.places_count};
  const auto launch = [=, group = op.group, has_bias = op.has_bias](const Operands& at,
                                                                    cudaStream_t stream) {
    const std::int64_t image_size = channels * window.image_size;
    const std::int64_t out_size = outputs * group * window.places_count;
    for (std::int64_t n = 0; n < images; n += at_once) {
      const std::int64_t count = std::min(at_once, images - n);
      const float* b = at.x(0) + n * image_size;
      if (!pointwise) {
        run_im2col(window, count * channels, b, at.workspace(), stream);
        b = at.workspace();
      }
      GemmShape batch = gemm;
      batch.batch = count * group;
      product(batch, at.x(1), b, at.y(0) + n * out_size, stream);
    }
    if (has_bias)
      run_affine({images * out_size, outputs * group, window.places_count}, at.y(0), nullptr,
                 at.x(2), at.y(0), stream);
  };
  return {.launch = launch,
          .workspace_bytes = pointwise ? 0 : at_once * columns * size_of(DataType::kF32)};
}

Program plain(const Convolution& op, const NodeView& node) {
  return convolution_by(run_gemm, op, node);
}

Program plain(const Deconvolution& op, const NodeView& node) {
  const int axis = node.in(0).canonical_axis(op.axis);
  const WindowAxes window = window_of(op, node.out(0), node.in(0), axis);
  const DeconvolutionShape shape = {node.in(0).product(0, axis), node.in(0)[axis], op.num_output,
                                    op.group};
  return {.launch = [=, has_bias = op.has_bias](const Operands& at, cudaStream_t stream) {
    run_deconvolution(window, shape, at.x(0), at.x(1), has_bias ? at.x(2) : nullptr, at.y(0),
                      stream);
  }};
}

Program plain(const Im2col& op, const NodeView& node) {
  const int axis = node.in(0).canonical_axis(op.axis);
  const WindowAxes window = window_of(op, node.in(0), node.out(0), axis);
  const std::int64_t planes = node.in(0).product(0, axis + 1);
  return {.launch = [=](const Operands& at, cudaStream_t stream) {
    run_im2col(window, planes, at.x(0), at.y(0), stream);
  }};
}

Program plain(const Pooling& op, const NodeView& node) {
  const Shape& in = node.in(0);
  const Shape& out = node.out(0);
  const auto kernel = op.kernel_on(in);
  const auto method = op.method == PoolMethod::kMax       ? PoolShape::Method::kMax
                      : op.method == PoolMethod::kAverage ? PoolShape::Method::kAverage
                                                          : PoolShape::Method::kStochastic;
  const PoolShape shape = {.method = method,
                           .planes = in.product(0, 2),
                           .height = in[2],
                           .width = in[3],
                           .out_height = out[2],
                           .out_width = out[3],
                           .kernel_h = kernel[0],
                           .kernel_w = kernel[1],
                           .stride_h = op.stride[0],
                           .stride_w = op.stride[1],
                           .pad_h = op.pad[0],
                           .pad_w = op.pad[1]};
  return {.launch = [shape](const Operands& at, cudaStream_t stream) {
    run_pool(shape, at.x(0), at.y(0), at.y(1), stream);
  }};
}

Program plain(const Lrn& op, const NodeView& node) {
  const Shape& in = node.in(0);
  const bool within = op.region == LrnRegion::kWithinChannel;
  const auto size = static_cast<double>(op.size);
  const double alpha = static_cast<double>(op.alpha) / (within ? size * size : size);
  const LrnShape shape = {.within_channel = within,
                          .images = in[0],
                          .channels = in[1],
                          .height = in[2],
                          .width = in[3],
                          .reach = op.size / 2,
                          .k = within ? 1.0f : op.k,
                          .alpha = static_cast<float>(alpha),
                          .beta = op.beta};
  return {.launch = [shape](const Operands& at, cudaStream_t stream) {
    run_lrn(shape, at.x(0), at.y(0), stream);
  }};
}

}  // namespace kissa::cuda
