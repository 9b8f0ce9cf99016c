// Convolution and pooling: windows that slide over the image.
#include <fmt/core.h>

#include "base/error.h"
#include "import/caffe/layers.h"

namespace kissa::caffe {
namespace {

using Extents = std::vector<std::int64_t>;

// How the file names an extent: for all spatial axes, and before _h and _w.
struct Name {
  const char* all;
  const char* stem;
};
constexpr Name kKernel = {"kernel_size", "kernel"}, kStride = {"stride", "stride"},
               kPad = {"pad", "pad"}, kDilation = {"dilation", "dilation"};

void check_one_form(bool has_all, bool has_hw, const Name& name) {
  if (has_all && has_hw)
    fail(ErrorCode::kInvalidModel, "has both {0} and {1}_h or {1}_w; only one form is allowed",
         name.all, name.stem);
}

// One extent a spatial axis: given once for all, or once an axis; where it is not given at all,
// `absent` says what that means, or is -1.
Extents repeated_extents(const google::protobuf::RepeatedField<std::uint32_t>& given,
                         std::size_t axes, std::int64_t absent, const Name& name) {
  const auto count = static_cast<std::size_t>(given.size());
  if (count == 0 && absent >= 0) return Extents(axes, absent);
  if (count == 1) return Extents(axes, given[0]);
  if (count == 0) fail(ErrorCode::kInvalidModel, "{} is missing", name.all);
  if (count != axes)
    fail(ErrorCode::kInvalidModel, "{} is given {} times; give it once, or for each of {} axes",
         name.all, count, axes);
  return {given.begin(), given.end()};
}

// The same where the file may give height and width apart.
Extents extents(const google::protobuf::RepeatedField<std::uint32_t>& given, bool has_hw,
                std::int64_t h, std::int64_t w, std::size_t axes, std::int64_t absent,
                const Name& name) {
  if (!has_hw) return repeated_extents(given, axes, absent, name);
  check_one_form(!given.empty(), has_hw, name);
  if (axes != 2)
    fail(ErrorCode::kInvalidModel, "{0}_h and {0}_w are for 2 spatial axes, but the input has {1}",
         name.stem, axes);
  return {h, w};
}

// Pooling's height and width: one number for both, or both apart.
std::array<std::int64_t, 2> pair(bool has_one, std::uint32_t one, bool has_h, std::uint32_t h,
                                 bool has_w, std::uint32_t w, const Name& name) {
  check_one_form(has_one, has_h || has_w, name);
  if (has_h != has_w) fail(ErrorCode::kInvalidModel, "{0}_h and {0}_w go together", name.stem);
  return has_h ? std::array<std::int64_t, 2>{h, w} : std::array<std::int64_t, 2>{one, one};
}

kissa::PoolMethod to_method(PoolMethod method) {
  switch (method) {
    case AVE: return kissa::PoolMethod::kAverage;
    case STOCHASTIC: return kissa::PoolMethod::kStochastic;
    case MAX: break;
  }
  return kissa::PoolMethod::kMax;
}

RoundMode to_round_mode(const PoolingParameter& param) {
  const bool is_floor =
      param.has_round_mode() ? param.round_mode() == PoolingParameter::FLOOR : !param.ceil_mode();
  return is_floor ? RoundMode::kFloor : RoundMode::kCeil;
}

// The part of convolution_param that says how windows lie.
template <class Op>
Op windows(const Layer& layer) {
  const ConvolutionParameter& param = layer.spec().convolution_param();
  const Shape in = layer.bottom_shape(0);
  Op op;
  op.axis = in.canonical_axis(param.axis());
  const auto axes = static_cast<std::size_t>(in.rank() - op.axis - 1);
  op.kernel = extents(param.kernel_size(), param.has_kernel_h() || param.has_kernel_w(),
                      param.kernel_h(), param.kernel_w(), axes, -1, kKernel);
  op.stride = extents(param.stride(), param.has_stride_h() || param.has_stride_w(),
                      param.stride_h(), param.stride_w(), axes, 1, kStride);
  op.pad = extents(param.pad(), param.has_pad_h() || param.has_pad_w(), param.pad_h(),
                   param.pad_w(), axes, 0, kPad);
  op.dilation = repeated_extents(param.dilation(), axes, 1, kDilation);
  return op;
}

template <class Op>
Op convolution(const Layer& layer) {
  const ConvolutionParameter& param = layer.spec().convolution_param();
  Op op = windows<Op>(layer);
  op.num_output = param.num_output();
  op.group = param.group();
  op.has_bias = param.bias_term();
  return op;
}

// A level of the pyramid: `bins` windows an axis, side by side, over the padded plane.
Pooling pyramid_level(const Shape& in, std::int64_t bins, PoolMethod method) {
  Pooling op;
  op.method = to_method(method);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t extent = in[static_cast<int>(i) + 2];
    op.kernel[i] = (extent + bins - 1) / bins;
    op.pad[i] = (op.kernel[i] * bins - extent + 1) / 2;
  }
  op.stride = op.kernel;
  return op;
}

}  // namespace

void import_convolution(Layer& layer) { layer.add_each(convolution<Convolution>(layer)); }

// A group a channel where the file gives none.
Convolution depthwise_convolution(const Layer& layer) {
  auto op = convolution<Convolution>(layer);
  const Shape in = layer.bottom_shape(0);
  if (op.group == 1 && op.axis < in.rank()) op.group = in[op.axis];
  return op;
}

void import_deconvolution(Layer& layer) { layer.add_each(convolution<Deconvolution>(layer)); }

void import_im2col(Layer& layer) { layer.add(windows<Im2col>(layer)); }

void import_pooling(Layer& layer) {
  const PoolingParameter& param = layer.spec().pooling_param();
  const bool has_kernel = param.has_kernel_size() || param.has_kernel_h() || param.has_kernel_w();
  if (param.global_pooling() && has_kernel)
    fail(ErrorCode::kInvalidModel, "global pooling takes the whole plane, so no kernel size");
  if (!param.global_pooling() && !has_kernel)
    fail(ErrorCode::kInvalidModel, "kernel_size is missing");
  if (layer.tops() == 2 && param.pool() != MAX)
    fail(ErrorCode::kInvalidModel, "only MAX pooling has a second top (the mask)");
  Pooling op;
  op.method = to_method(param.pool());
  op.kernel = pair(param.has_kernel_size(), param.kernel_size(), param.has_kernel_h(),
                   param.kernel_h(), param.has_kernel_w(), param.kernel_w(), kKernel);
  op.stride = pair(param.has_stride(), param.stride(), param.has_stride_h(), param.stride_h(),
                   param.has_stride_w(), param.stride_w(), kStride);
  op.pad = pair(param.has_pad(), param.pad(), param.has_pad_h(), param.pad_h(), param.has_pad_w(),
                param.pad_w(), kPad);
  op.global = param.global_pooling();
  op.round_mode = to_round_mode(param);
  op.with_mask = layer.tops() == 2;
  layer.add(op);
}

// Spatial pyramid pooling: an image's every level, flattened, one behind the other.
void import_spp(Layer& layer) {
  const SPPParameter& param = layer.spec().spp_param();
  const Shape in = layer.bottom_shape(0);
  if (in.rank() != 4)
    fail(ErrorCode::kInvalidModel, "takes an input of 4 axes, not {}", in.to_string());
  constexpr std::uint32_t kMaxHeight = 16;
  if (param.pyramid_height() < 1 || param.pyramid_height() > kMaxHeight)
    fail(ErrorCode::kInvalidModel, "pyramid_height {} must be in 1 to {}", param.pyramid_height(),
         kMaxHeight);
  // Caffe flattens only what it joins.
  if (param.pyramid_height() == 1) return layer.add(pyramid_level(in, 1, param.pool()));
  std::vector<ValueId> levels;
  for (std::uint32_t level = 0; level < param.pyramid_height(); ++level) {
    const Pooling pooling = pyramid_level(in, std::int64_t{1} << level, param.pool());
    const ValueId pooled = layer.add_step(pooling, {layer.bottom(0)}, fmt::format("pool{}", level));
    levels.push_back(layer.add_step(Flatten(), {pooled}, fmt::format("flatten{}", level)));
  }
  layer.add_last_step(Concat(), levels);
}

}  // namespace kissa::caffe
