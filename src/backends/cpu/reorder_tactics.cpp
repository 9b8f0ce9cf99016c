// Reorders between row-major N, C, H, W and blocks of 16 channels.
#include "backends/cpu/data_tactics.h"
#include "backends/cpu/parallel.h"

namespace kissa::cpu {
namespace {

// Neighbouring pixels that one call takes: 16 channels of them lie in L1.
constexpr std::int64_t kPixels = 256;

class ReorderStep final : public Step {
 public:
  ReorderStep(const Kernels& kernels, const Region& region)
      : kernels_(kernels.reorder),
        to_blocked_(region.out(0).desc.format.layout == Layout::kBlocked16),
        blocked_(to_blocked_ ? region.out(0).desc : region.in(0).desc) {}

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const std::int64_t stretches = (blocked_.pixels() + kPixels - 1) / kPixels;
    const std::int64_t bytes = std::min(kPixels, blocked_.pixels()) * kChannelBlock * 8;
    parallel_for(stream, blocked_.images * blocked_.blocks * stretches, bytes,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i)
                     run_stretch(bindings, i / stretches, i % stretches * kPixels);
                 });
  }

 private:
  void run_stretch(const Bindings& bindings, std::int64_t plane,
                   std::int64_t first) const noexcept {
    const std::int64_t image = plane / blocked_.blocks;
    const std::int64_t block = plane % blocked_.blocks;
    const std::int64_t pixels = std::min(kPixels, blocked_.pixels() - first);
    const int channels = blocked_.channels_in(block);
    const std::int64_t in_blocks = blocked_.offset(image, block) + first * kChannelBlock;
    const std::int64_t in_rows =
        (image * blocked_.channels + block * kChannelBlock) * blocked_.pixels() + first;
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    auto* dst = static_cast<float*>(bindings.outputs[0]);
    if (to_blocked_)
      kernels_.to_blocked(src + in_rows, blocked_.pixels(), channels, pixels, dst + in_blocks);
    else
      kernels_.from_blocked(src + in_blocks, pixels, channels, dst + in_rows, blocked_.pixels());
  }

  const ReorderKernels& kernels_;
  bool to_blocked_;
  BlockedTensor blocked_;
};

class ReorderTactic final : public KernelTactic {
 public:
  explicit ReorderTactic(const Kernels& kernels) : KernelTactic("cpu.reorder", kernels) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.only<Identity>() == nullptr) return "not a single identity";
    const Format in = region.in(0).desc.format;
    const Format out = region.out(0).desc.format;
    if (in.type != DataType::kF32 || out.type != DataType::kF32) return "not of FP32";
    if (in.layout == out.layout) return "both layouts are the same";
    return refuse_plain(region, Layout::kBlocked16);
  }

  // Those that the region's values have.
  Requirements requirements(const Region& region) const override {
    return {{region.in(0).desc.format}, {region.out(0).desc.format}};
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<ReorderStep>(kernels(), region);
  }
};

}  // namespace

void add_reorder_tactics(const Kernels& kernels, OwnedTactics& tactics) {
  tactics.push_back(std::make_unique<ReorderTactic>(kernels));
}

void add_data_tactics(const Kernels& kernels, OwnedTactics& tactics) {
  add_pool_tactics(kernels, tactics);
  add_lrn_tactics(kernels, tactics);
  add_inner_product_tactics(kernels, tactics);
  add_softmax_tactics(kernels, tactics);
  add_elementwise_tactics(kernels, tactics);
  add_channelwise_tactics(kernels, tactics);
  add_eltwise_tactics(kernels, tactics);
  add_concat_tactics(kernels, tactics);
  add_reorder_tactics(kernels, tactics);
}

}  // namespace kissa::cpu
