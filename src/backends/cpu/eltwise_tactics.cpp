// Sum, product and maximum of tensors of one shape, with an activation, in blocks or rows.
#include <array>

#include "backends/cpu/data_tactics.h"
#include "backends/cpu/parallel.h"

namespace kissa::cpu {
namespace {

constexpr std::size_t kMaxInputs = 32;

CombineKind kind_of(EltwiseMethod method) {
  switch (method) {
    case EltwiseMethod::kProduct: return CombineKind::kProduct;
    case EltwiseMethod::kSum: return CombineKind::kSum;
    case EltwiseMethod::kMax: return CombineKind::kMax;
  }
  return CombineKind::kSum;
}

// A tensor as images of `floats` neighbouring floats (in 16 bits, pairs) each; one image where it
// is row-major.
struct Images {
  std::int64_t count, floats, stride;
};

Images images_of(const TensorDesc& desc) {
  if (desc.format.layout == Layout::kRowMajor) return {1, desc.shape.elements(), 0};
  const BlockedTensor tensor(desc);
  return {tensor.images, tensor.blocks * tensor.block_floats(), tensor.image_stride};
}

class EltwiseStep final : public Step {
 public:
  EltwiseStep(const ElementwiseKernels& kernels, const Region& region)
      : run_(kernels.combine),
        op_(*region.only<Eltwise>()),
        activation_(activation_of(region.nodes[0].epilogue)),
        dst_(images_of(region.out(0).desc)) {
    for (const int input : region.nodes[0].inputs)
      sources_.push_back(
          {input_binding(region, input), images_of(region.value(input).desc).stride});
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    // In units of a block, so that no two threads write to one line.
    const std::int64_t blocks = (dst_.floats + kChannelBlock - 1) / kChannelBlock;
    const auto bytes = static_cast<std::int64_t>(sources_.size() + 1) * kChannelBlock * 4;
    parallel_for(stream, dst_.count * blocks, bytes, [&](std::int64_t begin, std::int64_t end) {
      for_each_group(begin, end, blocks,
                     [&](std::int64_t image, std::int64_t first, std::int64_t last) {
                       run_floats(bindings, image, first * kChannelBlock,
                                  std::min(last * kChannelBlock, dst_.floats));
                     });
    });
  }

 private:
  struct Source {
    std::size_t binding;
    std::int64_t stride;
  };

  void run_floats(const Bindings& bindings, std::int64_t image, std::int64_t first,
                  std::int64_t last) const noexcept {
    std::array<const float*, kMaxInputs> src;
    for (std::size_t i = 0; i < sources_.size(); ++i)
      src[i] = static_cast<const float*>(bindings.inputs[sources_[i].binding]) +
               image * sources_[i].stride + first;
    const bool is_weighted = op_.method == EltwiseMethod::kSum && !op_.coeffs.empty();
    run_({.kind = kind_of(op_.method),
          .src = src.data(),
          .coefficients = is_weighted ? op_.coeffs.data() : nullptr,
          .inputs = static_cast<int>(sources_.size()),
          .dst = static_cast<float*>(bindings.outputs[0]) + image * dst_.stride + first,
          .count = last - first,
          .activation = activation_});
  }

  void (*run_)(const CombineRun&) noexcept;
  Eltwise op_;
  ActivationParams activation_;
  Images dst_;
  std::vector<Source> sources_;
};

class EltwiseTactic final : public KernelTactic {
 public:
  EltwiseTactic(const Kernels& kernels, const Format& format)
      : KernelTactic(with_layout("cpu.eltwise", format.layout), kernels, format.type),
        format_(format) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.only<Eltwise>() == nullptr) return "not a single eltwise";
    const Region::Node& node = region.nodes[0];
    if (node.epilogue.has_residual) return "it has a residual";
    if (node.inputs.size() > kMaxInputs) return fmt::format("more than {} inputs", kMaxInputs);
    if (auto reason = refuse_flow(region)) return reason;
    if (!is_blocked(format_.layout)) return std::nullopt;
    const Shape& shape = region.in(0).desc.shape;
    if (shape.rank() != 4) return "not of 4 axes (N, C, H, W)";
    if (shape[1] % block_channels(format_.layout) != 0 && activated_zero(node.epilogue) != 0.0f)
      return "its activation makes something of zero, which padding lanes hold";
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    return requirements_in(region, format_);
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<EltwiseStep>(stored().elementwise, region);
  }

 private:
  Format format_;
};

}  // namespace

void add_eltwise_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics) {
  for (const Format& format : formats_of(type))
    tactics.push_back(std::make_unique<EltwiseTactic>(kernels, format));
}

}  // namespace kissa::cpu
