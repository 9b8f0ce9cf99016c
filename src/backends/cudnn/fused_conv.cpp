// Any convolution of fused mode: in NHWC where cuDNN can, or in row-major FP32 between reorders.
#include <array>

#include "backends/cuda/nhwc.h"
#include "backends/cudnn/conv_call.h"
#include "backends/cudnn/nhwc_weight.h"
#include "backends/cudnn/tactics.h"
#include "base/error.h"
#include "base/log.h"

namespace kissa::cudnn {
namespace {

using cuda::Number;
using cuda::to_int;

struct Way {
  bool is_nhwc;
  bool is_fused;  // in one call
  ConvAlgorithm algorithm;
};
// A rank's ways are asked only where those before gave none; row-major groups always. Their places
// here are what a plan file keeps.
constexpr std::array kWays = {Way{true, true, ConvAlgorithm::kPrecomputedGemm},
                              Way{true, true, ConvAlgorithm::kImplicitGemm},
                              Way{true, false, ConvAlgorithm::kPrecomputedGemm},
                              Way{true, false, ConvAlgorithm::kImplicitGemm},
                              Way{false, false, ConvAlgorithm::kPrecomputedGemm},
                              Way{false, false, ConvAlgorithm::kImplicitGemm}};

DataKind kind_of(Number number) {
  return number == Number::kF16 ? DataKind::kHalf : DataKind::kFloat;
}

Math math_of(Number number, bool is_nhwc) {
  if (number == Number::kF32) return Math::kFma;
  return number == Number::kF16 && is_nhwc ? Math::kTensorCores : Math::kDefault;
}

Image image_of(const TensorDesc& desc, Number number, bool is_nhwc) {
  const Shape& s = desc.shape;
  if (!is_nhwc) return {.n = s[0], .c = s[1], .h = s[2], .w = s[3]};
  return {.kind = kind_of(number),
          .n = s[0],
          .c = padded(s[1]),
          .h = s[2],
          .w = s[3],
          .pixel_stride = desc.pixel_stride};
}

cuda::Reorder reorder_of(const TensorDesc& desc, Number number) {
  const Shape& s = desc.shape;
  cuda::Reorder op = {};
  op.number = number;
  op.images = to_int(s[0]);
  op.channels = to_int(s[1]);
  op.padded_channels = to_int(padded(s[1]));
  op.plane = to_int(s[2] * s[3]);
  op.pixel_stride = to_int(desc.pixel_stride);
  return op;
}

// Rounds a result to TF32 where it lies, as every NHWC tensor of that kind is: the mean of one
// number, which keeps NaN.
void round_in_place(const TensorDesc& desc, void* y, cudaStream_t stream) {
  const Shape& s = desc.shape;
  cuda::WindowOp op = {};
  op.number = Number::kTf32;
  op.is_average = true;
  op.src = op.dst = y;
  op.src_stride = op.dst_stride = to_int(desc.pixel_stride);
  op.images = to_int(s[0]);
  op.channels = to_int(s[1]);
  op.height = op.out_height = to_int(s[2]);
  op.width = op.out_width = to_int(s[3]);
  op.kernel_h = op.kernel_w = op.stride_h = op.stride_w = 1;
  launch_window_op(op, stream);
}

// One convolution by one way.
class Runner {
 public:
  Runner(const Region& region, Number number, const Way& way)
      : number_(number),
        way_(way),
        x_(region.in(0).desc),
        y_(region.out(0).desc),
        z_(region.nodes[0].epilogue.has_residual ? region.in(1).desc : y_),
        shape_(shape_of(region)),
        call_(*region.only<Convolution>(), shape_) {
    const auto bytes = call_.workspace_of(way.algorithm);
    can_ = bytes.has_value();
    own_bytes_ = bytes.value_or(0);
  }

  // Whether cuDNN has it at all.
  bool can() const {
    const bool needs_precomputed = way_.is_fused && !shape_.has_relu;
    return can_ && !(needs_precomputed && way_.algorithm != ConvAlgorithm::kPrecomputedGemm);
  }
  const Way& way() const { return way_; }
  std::int64_t weight_bytes() const { return call_.weight_bytes(); }
  std::int64_t groups() const { return shape_.groups; }
  std::int64_t workspace_bytes() const {
    const auto own = padded_piece(static_cast<std::int64_t>(own_bytes_));
    if (way_.is_nhwc) return own;
    return own + padded_piece(shape_.x.bytes()) + padded_piece(shape_.y.bytes()) +
           (shape_.has_residual ? padded_piece(shape_.z.bytes()) : 0);
  }

  Status run(const ConvData& at, cudaStream_t stream) const noexcept {
    const Handle handle = handle_on(stream);
    if (handle == nullptr) return Status::kNotInitialized;
    if (!way_.is_nhwc) return run_row_major(handle, at, stream);
    const Status status = call_.run(handle, way_.algorithm, way_.is_fused, own_bytes_, at);
    if (number_ == Number::kTf32 && status == Status::kSuccess) round_in_place(y_, at.y, stream);
    return status;
  }

 private:
  ConvShape shape_of(const Region& region) const {
    const Convolution& op = *region.only<Convolution>();
    const Epilogue& epilogue = region.nodes[0].epilogue;
    return {.x = image_of(x_, number_, way_.is_nhwc),
            .y = image_of(y_, number_, way_.is_nhwc),
            .z = image_of(z_, number_, way_.is_nhwc),
            .groups = way_.is_nhwc ? padded_groups(op, x_.shape[1]) : op.group,
            .math = math_of(number_, way_.is_nhwc),
            .has_bias = op.has_bias,
            .has_residual = epilogue.has_residual,
            .has_relu = epilogue.activation == Activation::kRelu};
  }

  Status run_row_major(Handle handle, const ConvData& at, cudaStream_t stream) const noexcept {
    auto* next =
        static_cast<char*>(at.workspace) + padded_piece(static_cast<std::int64_t>(own_bytes_));
    const auto take = [&](const Image& image) {
      char* place = next;
      next += padded_piece(image.bytes());
      return place;
    };
    const auto bring = [&](const TensorDesc& desc, const Image& image, const void* from) {
      cuda::Reorder op = reorder_of(desc, number_);
      op.src = from;
      op.dst = take(image);
      launch_from_nhwc(op, stream);
      return op.dst;
    };
    ConvData inner = at;
    inner.x = bring(x_, shape_.x, at.x);
    inner.y = take(shape_.y);
    if (shape_.has_residual) inner.z = bring(z_, shape_.z, at.z);
    const Status status = call_.run(handle, way_.algorithm, way_.is_fused, own_bytes_, inner);
    cuda::Reorder op = reorder_of(y_, number_);
    op.src = inner.y;
    op.dst = at.y;
    launch_to_nhwc(op, stream);
    return status;
  }

  Number number_;
  Way way_;
  TensorDesc x_;
  TensorDesc y_;
  TensorDesc z_;
  ConvShape shape_;
  ConvCall call_;
  bool can_ = false;
  std::size_t own_bytes_ = 0;
};

std::optional<double> time_of(const Runner& runner, const Region& region, Number number) {
  if (!runner.can()) return std::nullopt;
  const auto bytes_of = [&](const TensorDesc& desc) {
    return image_of(desc, number, true).bytes();
  };
  const TensorDesc& out = region.out(0).desc;
  const Scratch x(bytes_of(region.in(0).desc));
  const bool has_z = region.nodes[0].epilogue.has_residual;
  const Scratch z(has_z ? bytes_of(region.in(1).desc) : 0);
  const Scratch y(bytes_of(out));
  const Scratch w(runner.weight_bytes());
  const Scratch bias(padded(out.shape[1]) * 4);
  const Scratch space(runner.workspace_bytes());
  const ConvData data = {x.data(), w.data(), bias.data(), z.data(), y.data(), space.data()};
  return measure([&](cudaStream_t stream) { return runner.run(data, stream); }, true);
}

std::size_t fastest_way(const Region& region, Number number) {
  const Convolution& op = *region.only<Convolution>();
  std::optional<std::size_t> best;
  double least = 0.0;
  for (std::size_t i = 0; i < kWays.size(); ++i) {
    const Way& way = kWays[i];
    const bool is_rest =
        best && (way.is_nhwc != kWays[*best].is_nhwc || way.is_fused != kWays[*best].is_fused);
    if (is_rest && (way.is_nhwc || op.group == 1)) continue;
    const auto time = time_of(Runner(region, number, way), region, number);
    if (!time || (best && *time >= kClearlyLess * least)) continue;
    best = i;
    least = *time;
  }
  if (!best)
    fail(ErrorCode::kDevice, "cuDNN has no way to run {}; KISSA_CUDNN=off does without it",
         op.describe());
  log(LogLevel::kInfo, "cuDNN: {}: {}{}, algorithm {} takes {:.1f} us", op.describe(),
      kWays[*best].is_nhwc ? "NHWC" : "row-major", kWays[*best].is_fused ? ", in one call" : "",
      static_cast<int>(kWays[*best].algorithm), least);
  return *best;
}

class FusedConvStep final : public Step {
 public:
  FusedConvStep(const Region& region, Number number, WeightArena& weights)
      : out_(region.out(0).desc), x_(cuda::index_in(region.inputs, region.nodes[0].inputs[0])) {
    const Convolution& op = *region.only<Convolution>();
    if (region.nodes[0].epilogue.has_residual)
      z_ = cuda::index_in(region.inputs, region.nodes[0].inputs[1]);
    // The arena makes its device the present one.
    const float* bias = op.has_bias ? region.param(1).constant : nullptr;
    const std::int64_t outputs = padded(op.num_output);
    bias_ = cuda::pack_bias(weights, bias, op.num_output);
    const std::size_t way = settle(
        weights, kWays.size(), [&] { return fastest_way(region, number); },
        [&](std::size_t i) { return Runner(region, number, kWays[i]).can(); });
    runner_ = std::make_unique<Runner>(region, number, kWays[way]);
    const float* weight = region.param(0).constant;
    if (!runner_->way().is_nhwc) {
      weight_ = pack_numbers(weights, Number::kF32, region.param(0).desc.shape.elements(),
                             [&](std::int64_t i) { return weight[i]; });
      return;
    }
    weight_ = pack_nhwc(weights, number, op, region.in(0).desc.shape, runner_->groups(), weight);
    if (number == Number::kF16)
      bias_ = pack_numbers(weights, number, outputs, [&](std::int64_t i) {
        return bias != nullptr && i < op.num_output ? bias[i] : 0.0f;
      });
  }

  std::int64_t workspace_bytes() const override { return runner_->workspace_bytes(); }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const cudaStream_t handle = cuda::handle_of(stream);
    const ConvData data = {.x = bindings.inputs[x_],
                           .w = weight_,
                           .bias = bias_,
                           .z = z_ ? bindings.inputs[*z_] : nullptr,
                           .y = bindings.outputs[0],
                           .workspace = bindings.workspace};
    const Status status = runner_->run(data, handle);
    if (status != Status::kSuccess) poison(status, out_, bindings.outputs[0], handle);
  }

 private:
  TensorDesc out_;
  std::size_t x_;
  std::optional<std::size_t> z_;
  std::unique_ptr<Runner> runner_;
  const void* weight_ = nullptr;
  const void* bias_ = nullptr;
};

class FusedConvTactic final : public Tactic {
 public:
  explicit FusedConvTactic(Number number)
      : name_(fmt::format("cudnn.conv.nhwc.{}", cuda::suffix_of(number))), number_(number) {}

  std::string_view name() const override { return name_; }

  std::optional<std::string> refuse(const Region& region) const override {
    const auto* op = region.only<Convolution>();
    if (op == nullptr) return "runs one convolution";
    const Region::Node& node = region.nodes[0];
    for (const int value : node.inputs)
      if (cuda::index_in(region.inputs, value) == region.inputs.size())
        return "its input does not flow in";
    if (region.outputs.size() != 1) return "its output does not flow out";
    for (const auto* values : {&node.inputs, &node.outputs})
      for (const int value : *values)
        if (auto reason = cuda::refuse_shape(region.value(value).desc.shape)) return reason;
    if (region.in(0).desc.shape.canonical_axis(op->axis) != 1) return "takes N, C, H, W";
    const Epilogue& epilogue = node.epilogue;
    const bool is_relu = epilogue.activation == Activation::kRelu && epilogue.low == 0.0f;
    if (epilogue.activation != Activation::kNone && !is_relu) return "knows ReLU without a slope";
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    const Format own = cuda::nhwc(number_);
    return {std::vector<Format>(region.inputs.size(), own),
            std::vector<Format>(region.outputs.size(), own)};
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<FusedConvStep>(region, number_, context.weights);
  }

 private:
  std::string name_;
  Number number_;
};

}  // namespace

std::unique_ptr<const Tactic> make_fused_conv(Number number) {
  return std::make_unique<FusedConvTactic>(number);
}

}  // namespace kissa::cudnn
