// Scale, Bias, BatchNorm with given statistics and PReLU: y = f(x, parameters of x's channel), in
// blocks or rows. Parameters are constants, or a second input.
#include <array>
#include <cmath>

#include "backends/cpu/data_tactics.h"
#include "backends/cpu/parallel.h"

namespace kissa::cpu {
namespace {

// The axes [first, first + count) of the input that the parameters lie over.
struct Axes {
  int first, count;
};

bool is_given(const Region& region) { return region.nodes[0].inputs.size() == 2; }

// Over axis 1; a tensor of one axis is one channel.
Axes channel_axes(const Shape& shape) { return shape.rank() > 1 ? Axes{1, 1} : Axes{0, 0}; }

// Of Scale and Bias: those of the parameter, or of the second input.
Axes small_axes(const Region& region, int axis) {
  const Region::Value& small = is_given(region) ? region.in(1) : region.param(0);
  const int count = small.desc.shape.rank();
  return {count == 0 ? 0 : region.in(0).desc.shape.canonical_axis(axis), count};
}

Axes axes_of(const Scale& op, const Region& region) { return small_axes(region, op.axis); }
Axes axes_of(const Bias& op, const Region& region) { return small_axes(region, op.axis); }
Axes axes_of(const BatchNorm&, const Region& region) {
  return channel_axes(region.in(0).desc.shape);
}
Axes axes_of(const PRelu& op, const Region& region) {
  return op.channel_shared ? Axes{0, 0} : channel_axes(region.in(0).desc.shape);
}

// Kernel parameters: constants, each empty or of one length, and the one that flows in.
enum class Given { kNothing, kScale, kShift };
struct Parameters {
  std::vector<float> center, scale, shift;
  Given given = Given::kNothing;
  bool prelu = false;
};

std::vector<float> numbers(const Region::Value& value) {
  return {value.constant, value.constant + value.desc.shape.elements()};
}

Parameters parameters_of(const Scale& op, const Region& region) {
  Parameters result;
  if (is_given(region))
    result.given = Given::kScale;
  else
    result.scale = numbers(region.param(0));
  if (op.has_bias) result.shift = numbers(region.param(is_given(region) ? 0 : 1));
  return result;
}

Parameters parameters_of(const Bias&, const Region& region) {
  Parameters result;
  if (is_given(region))
    result.given = Given::kShift;
  else
    result.shift = numbers(region.param(0));
  return result;
}

Parameters parameters_of(const BatchNorm& op, const Region& region) {
  Parameters result;
  const double divisor = region.param(2).constant[0];
  const double factor = divisor == 0.0 ? 0.0 : 1.0 / divisor;
  for (const float mean : numbers(region.param(0)))
    result.center.push_back(static_cast<float>(mean * factor));
  for (const float variance : numbers(region.param(1)))
    result.scale.push_back(static_cast<float>(1.0 / std::sqrt(variance * factor + double{op.eps})));
  return result;
}

Parameters parameters_of(const PRelu&, const Region& region) {
  Parameters result;
  result.scale = numbers(region.param(0));
  result.prelu = true;
  return result;
}

// Calls f with the region's op if it is one of the four; else gives `otherwise`.
template <class Result, class F>
Result with_op(const Region& region, Result otherwise, F&& f) {
  return std::visit(
      [&](const auto& op) {
        if constexpr (requires { axes_of(op, region); })
          return f(op);
        else
          return otherwise;
      },
      region.nodes[0].op);
}

Axes axes_of(const Region& region) {
  return with_op(region, Axes{}, [&](const auto& op) { return axes_of(op, region); });
}

Parameters parameters_of(const Region& region) {
  return with_op(region, Parameters{}, [&](const auto& op) { return parameters_of(op, region); });
}

std::optional<std::string> refuse_op(const Region& region) {
  if (region.nodes.size() != 1) return "runs one op at a time";
  if (!with_op(region, false, [](const auto&) { return true; }))
    return "not a function of an element and its channel";
  const auto* norm = region.only<BatchNorm>();
  if (norm != nullptr && !norm->use_global_stats) return "it takes the statistics of the batch";
  return std::nullopt;
}

const float* data_or_null(const std::vector<float>& values) {
  return values.empty() ? nullptr : values.data();
}

class RowsStep final : public Step {
 public:
  RowsStep(const ChannelRowKernels& kernels, const Region& region)
      : kernels_(kernels), params_(parameters_of(region)) {
    const Shape& shape = region.in(0).desc.shape;
    const auto [first, axes] = axes_of(region);
    elements_ = shape.elements();
    count_ = shape.product(first, first + axes);
    inner_ = shape.product(first + axes, shape.rank());
    if (count_ == 1) inner_ = elements_;  // one parameter for all is one run
    if (params_.given != Given::kNothing) given_ = input_binding(region, region.nodes[0].inputs[1]);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    ChannelRun run = {};
    run.src = static_cast<const float*>(bindings.inputs[0]);
    run.dst = static_cast<float*>(bindings.outputs[0]);
    run.prelu = params_.prelu;
    run.center = data_or_null(params_.center);
    run.scale = data_or_null(params_.scale);
    run.shift = data_or_null(params_.shift);
    if (params_.given != Given::kNothing) {
      const auto* given = static_cast<const float*>(bindings.inputs[given_]);
      (params_.given == Given::kScale ? run.scale : run.shift) = given;
    }
    parallel_for(stream, elements_, 8, [&](std::int64_t begin, std::int64_t end) {
      if (inner_ > 1)
        for_each_group(begin, end, inner_, [&](std::int64_t g, std::int64_t a, std::int64_t b) {
          kernels_.one(part(run, g * inner_ + a, g % count_, b - a));
        });
      else
        for_each_group(begin, end, count_, [&](std::int64_t g, std::int64_t a, std::int64_t b) {
          kernels_.each(part(run, g * count_ + a, a, b - a));
        });
    });
  }

 private:
  // `elements` elements from `element` on, with the parameters from `parameter` on.
  static ChannelRun part(ChannelRun run, std::int64_t element, std::int64_t parameter,
                         std::int64_t elements) noexcept {
    run.src += element;
    run.dst += element;
    run.count = elements;
    for (const float** values : {&run.center, &run.scale, &run.shift})
      if (*values != nullptr) *values += parameter;
    return run;
  }

  const ChannelRowKernels& kernels_;
  Parameters params_;
  // The input is elements / (count * inner) x count x inner; parameter j goes with [..., j, ...].
  std::int64_t elements_, count_, inner_;
  std::size_t given_ = 0;
};

// Of a block of channels in FP32 or BF16.
using BlockParams = std::array<float, 2 * kChannelBlock>;

class BlockedStep final : public Step {
 public:
  BlockedStep(const ElementwiseKernels& kernels, const Region& region)
      : run_(kernels.channel_block),
        params_(parameters_of(region)),
        axes_(axes_of(region)),
        src_(region.in(0).desc),
        dst_(region.out(0).desc) {
    if (params_.given != Given::kNothing) given_ = input_binding(region, region.nodes[0].inputs[1]);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const std::int64_t plane_bytes = src_.block_floats() * 8;
    parallel_for(stream, src_.images * src_.blocks * src_.pixels(), plane_bytes / src_.pixels(),
                 [&](std::int64_t begin, std::int64_t end) {
                   for_each_group(begin, end, src_.pixels(),
                                  [&](std::int64_t plane, std::int64_t first, std::int64_t last) {
                                    run_pixels(bindings, plane, first, last);
                                  });
                 });
  }

 private:
  void run_pixels(const Bindings& bindings, std::int64_t plane, std::int64_t first,
                  std::int64_t last) const noexcept {
    const std::int64_t image = plane / src_.blocks;
    const std::int64_t block = plane % src_.blocks;
    const float* center = data_or_null(params_.center);
    const float* scale = data_or_null(params_.scale);
    const float* shift = data_or_null(params_.shift);
    if (params_.given == Given::kScale) scale = static_cast<const float*>(bindings.inputs[given_]);
    if (params_.given == Given::kShift) shift = static_cast<const float*>(bindings.inputs[given_]);
    const BlockParams centers = of_block(center, 0.0f, image, block);
    const BlockParams scales = of_block(scale, 1.0f, image, block);
    const BlockParams shifts = of_block(shift, 0.0f, image, block);
    run_({.src = static_cast<const float*>(bindings.inputs[0]) + src_.offset(image, block) +
                 first * kChannelBlock,
          .dst = static_cast<float*>(bindings.outputs[0]) + dst_.offset(image, block) +
                 first * kChannelBlock,
          .count = last - first,
          .prelu = params_.prelu,
          .center = centers.data(),
          .scale = scales.data(),
          .shift = shifts.data()});
  }

  // The parameters of a block's channels, and zeros for its padding lanes: they stay zero.
  BlockParams of_block(const float* values, float otherwise, std::int64_t image,
                       std::int64_t block) const noexcept {
    BlockParams params = {};
    const bool is_shared = axes_.count == 0;
    const std::int64_t first =
        (axes_.first == 0 ? image * src_.channels : 0) + block * src_.block_channels;
    for (std::int64_t lane = 0; lane < src_.channels_in(block); ++lane)
      params[static_cast<std::size_t>(lane)] =
          values == nullptr ? otherwise : values[is_shared ? 0 : first + lane];
    return params;
  }

  void (*run_)(const ChannelRun&) noexcept;
  Parameters params_;
  Axes axes_;
  BlockedTensor src_, dst_;
  std::size_t given_ = 0;
};

class ChannelwiseTactic final : public KernelTactic {
 public:
  ChannelwiseTactic(const Kernels& kernels, const Format& format)
      : KernelTactic(with_layout("cpu.channelwise", format.layout), kernels, format.type),
        format_(format) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (auto reason = refuse_op(region)) return reason;
    if (auto reason = refuse_plain(region, Layout::kRowMajor)) return reason;
    if (!is_blocked(format_.layout)) return std::nullopt;
    if (region.in(0).desc.shape.rank() != 4) return "not of 4 axes (N, C, H, W)";
    const auto [first, axes] = axes_of(region);
    if (!(first == 1 && axes == 1) && !(first == 0 && axes == 2) && axes != 0)
      return "its parameters do not lie over channels";
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    Requirements need = requirements_in(region, Layout::kRowMajor);
    need.inputs[input_binding(region, region.nodes[0].inputs[0])] = format_;
    need.outputs[0] = format_;
    return need;
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    if (is_blocked(format_.layout))
      return std::make_unique<BlockedStep>(stored().elementwise, region);
    return std::make_unique<RowsStep>(kernels().channel_rows, region);
  }

 private:
  Format format_;
};

}  // namespace

void add_channelwise_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics) {
  for (const Format& format : formats_of(type))
    tactics.push_back(std::make_unique<ChannelwiseTactic>(kernels, format));
}

}  // namespace kissa::cpu
