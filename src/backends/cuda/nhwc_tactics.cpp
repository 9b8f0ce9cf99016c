// What an NHWC network has besides convolutions: pooling, LRN, the classifier, and the ways in and
// out of the format.
#include <algorithm>
#include <array>

#include "backends/cuda/kernels/nhwc.h"
#include "backends/cuda/nhwc.h"
#include "backends/cuda/stream.h"
#include "backends/cuda/tactics.h"

namespace kissa::cuda {
namespace {

std::optional<std::string> refuse_lrn(const Lrn& lrn) {
  if (lrn.region != LrnRegion::kAcrossChannels) return "LRN within channels";
  if (lrn.size / 2 > kMaxLrnReach || lrn.size < 2) return "LRN over 1 or over 17 channels";
  return std::nullopt;
}

std::optional<std::string> refuse_pool(const Pooling& pool) {
  if (pool.with_mask || pool.method == PoolMethod::kStochastic) return "a mask, or stochastic";
  return std::nullopt;
}

// Pooling, LRN, or both in either order.
class WindowTactic final : public Tactic {
 public:
  explicit WindowTactic(Number number)
      : name_(fmt::format("cuda.window.nhwc.{}", suffix_of(number))), number_(number) {}

  std::string_view name() const override { return name_; }

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() > 2) return "more than two nodes";
    if (auto reason = refuse_flow(region)) return reason;
    std::size_t pools = 0;
    std::size_t lrns = 0;
    for (const Region::Node& node : region.nodes) {
      if (!node.epilogue.empty()) return "it has an epilogue";
      if (const auto* pool = std::get_if<Pooling>(&node.op)) {
        if (auto reason = refuse_pool(*pool)) return reason;
        if (region.nodes.size() == 2 && pool->method != PoolMethod::kMax)
          return "LRN beside an average";
        ++pools;
      } else if (const auto* lrn = std::get_if<Lrn>(&node.op)) {
        if (auto reason = refuse_lrn(*lrn)) return reason;
        ++lrns;
      } else {
        return "neither pooling nor LRN";
      }
    }
    if (pools > 1 || lrns > 1) return "twice the same";
    if (region.nodes.size() == 2 && region.nodes[1].inputs[0] != region.nodes[0].outputs[0])
      return "not a chain";
    return std::nullopt;
  }

  Requirements requirements(const Region&) const override {
    return {{nhwc(number_)}, {nhwc(number_)}};
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    const Shape& in = in_of(region).shape;
    const Shape& out = out_of(region).shape;
    WindowOp op = {};
    op.number = number_;
    op.src_stride = to_int(in_of(region).pixel_stride);
    op.dst_stride = to_int(out_of(region).pixel_stride);
    op.images = to_int(in[0]);
    op.channels = to_int(in[1]);
    op.height = to_int(in[2]);
    op.width = to_int(in[3]);
    op.out_height = to_int(out[2]);
    op.out_width = to_int(out[3]);
    op.kernel_h = op.kernel_w = op.stride_h = op.stride_w = 1;
    op.lrn_first = std::holds_alternative<Lrn>(region.nodes[0].op);
    for (const Region::Node& node : region.nodes) {
      if (const auto* lrn = std::get_if<Lrn>(&node.op)) {
        op.lrn = lrn_parameters(*lrn);
        continue;
      }
      const auto& pool = std::get<Pooling>(node.op);
      const auto kernel = pool.kernel_on(in);
      op.kernel_h = to_int(kernel[0]);
      op.kernel_w = to_int(kernel[1]);
      op.stride_h = to_int(pool.stride[0]);
      op.stride_w = to_int(pool.stride[1]);
      op.pad_h = to_int(pool.pad[0]);
      op.pad_w = to_int(pool.pad[1]);
      op.is_average = pool.method == PoolMethod::kAverage;
    }
    return std::make_unique<LaunchStep<WindowOp>>(op, launch_window_op);
  }

 private:
  std::string name_;
  Number number_;
};

class ClassifierStep final : public Step {
 public:
  ClassifierStep(const Classifier& product, bool has_softmax)
      : product_(product), has_softmax_(has_softmax) {}

  std::int64_t workspace_bytes() const override {
    return has_softmax_ ? std::int64_t{product_.images} * product_.outputs * 4 : 0;
  }
  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    auto* dst = static_cast<float*>(bindings.outputs[0]);
    Classifier product = product_;
    product.src = bindings.inputs[0];
    product.dst = has_softmax_ ? static_cast<float*>(bindings.workspace) : dst;
    launch_classifier(product, handle_of(stream));
    if (has_softmax_)
      launch_softmax_rows({product.dst, dst, product.images, product.outputs}, handle_of(stream));
  }

 private:
  Classifier product_;
  bool has_softmax_;
};

// An inner product, and the softmax behind it.
class ClassifierTactic final : public Tactic {
 public:
  explicit ClassifierTactic(Number number)
      : name_(fmt::format("cuda.inner_product.warp.{}", suffix_of(number))), number_(number) {}

  std::string_view name() const override { return name_; }

  std::optional<std::string> refuse(const Region& region) const override {
    const auto* product = std::get_if<InnerProduct>(&region.nodes[0].op);
    if (product == nullptr) return "not an inner product";
    if (region.nodes.size() > 2) return "more than two nodes";
    if (region.nodes.size() == 2) {
      const Region::Node& last = region.nodes[1];
      const auto* softmax = std::get_if<Softmax>(&last.op);
      if (softmax == nullptr || softmax->axis != 1 || !last.epilogue.empty() ||
          last.inputs != region.nodes[0].outputs || region.outputs != last.outputs)
        return "what follows is no softmax over its outputs";
    }
    if (region.inputs.size() != 1 || region.nodes[0].inputs.size() != 1)
      return "more than one input";
    const Shape& in = in_of(region).shape;
    if (auto reason = refuse_shape(in)) return reason;
    if (in[2] * in[3] != 1 || in.canonical_axis(product->axis) != 1)
      return "its input is not one pixel an image";
    if (product->transpose) return "its weight is transposed";
    if (in[0] > 1 << 20) return "too many images";
    if (!bounds_of(region.nodes[0].epilogue)) return "it has another epilogue";
    return std::nullopt;
  }

  Requirements requirements(const Region&) const override { return {{nhwc(number_)}, {Format{}}}; }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    const auto& product = std::get<InnerProduct>(region.nodes[0].op);
    const Shape& in = in_of(region).shape;
    const Bounds bounds = *bounds_of(region.nodes[0].epilogue);
    const std::int64_t padded = channel_blocks(in[1]) * kChannelBlock;
    Classifier op = {};
    op.number = number_ == Number::kTf32 ? Number::kF32 : number_;  // the product costs little
    op.src_stride = to_int(in_of(region).pixel_stride);
    op.images = to_int(in[0]);
    op.chunks = to_int(padded * bytes_of(op.number) / 16);
    op.outputs = to_int(product.num_output);
    op.low = bounds.low;
    op.high = bounds.high;
    op.bias = pack_bias(context.weights, product.has_bias ? region.param(1).constant : nullptr,
                        product.num_output);
    const float* weight = region.param(0).constant;
    op.weight = pack_numbers(context.weights, op.number, product.num_output * padded,
                             [&](std::int64_t place) {
                               const std::int64_t c = place % padded;
                               return c < in[1] ? weight[place / padded * in[1] + c] : 0.0f;
                             });
    return std::make_unique<ClassifierStep>(op, region.nodes.size() == 2);
  }

 private:
  std::string name_;
  Number number_;
};

class ReorderTactic final : public Tactic {
 public:
  explicit ReorderTactic(Number number) : number_(number) {}

  std::string_view name() const override { return "cuda.reorder"; }

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.only<Identity>() == nullptr) return "not a reorder";
    if (auto reason = refuse_flow(region)) return reason;
    const std::array formats = {in_of(region).format, out_of(region).format};
    const Format own = nhwc(number_);
    if (formats != std::array{Format{}, own} && formats != std::array{own, Format{}})
      return "not between row-major FP32 and NHWC";
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    return {{in_of(region).format}, {out_of(region).format}};
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    const Shape& shape = in_of(region).shape;
    const bool is_to_nhwc = out_of(region).format == nhwc(number_);
    Reorder op = {};
    op.number = number_;
    op.images = to_int(shape[0]);
    op.channels = to_int(shape[1]);
    op.padded_channels = to_int(channel_blocks(shape[1]) * kChannelBlock);
    op.plane = to_int(shape[2] * shape[3]);
    op.pixel_stride = to_int((is_to_nhwc ? out_of(region) : in_of(region)).pixel_stride);
    return std::make_unique<LaunchStep<Reorder>>(op,
                                                 is_to_nhwc ? launch_to_nhwc : launch_from_nhwc);
  }

 private:
  Number number_;
};

}  // namespace

void add_nhwc_tactics(Number number, std::vector<std::unique_ptr<const Tactic>>& tactics) {
  tactics.push_back(std::make_unique<WindowTactic>(number));
  tactics.push_back(std::make_unique<ClassifierTactic>(number));
  tactics.push_back(std::make_unique<ReorderTactic>(number));
}

}  // namespace kissa::cuda
