// Reorders between row-major N, C, H, W and blocks of channels, and between blocks in FP32 and 16
// bits.
#include "backends/cpu/data_tactics.h"
#include "backends/cpu/parallel.h"

namespace kissa::cpu {
namespace {

// Neighbouring pixels that one call takes: a block's channels of them lie in L1.
constexpr std::int64_t kPixels = 256;

// Calls run(image, block, first, pixels) for stretches of the pixels of each block.
template <class Run>
void for_each_stretch(Stream& stream, const BlockedTensor& tensor, const Run& run) noexcept {
  const std::int64_t stretches = (tensor.pixels() + kPixels - 1) / kPixels;
  const std::int64_t bytes = std::min(kPixels, tensor.pixels()) * kChannelBlock * 8;
  const auto body = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t plane = i / stretches;
      const std::int64_t first = i % stretches * kPixels;
      run(plane / tensor.blocks, plane % tensor.blocks, first,
          std::min(kPixels, tensor.pixels() - first));
    }
  };
  parallel_for(stream, tensor.images * tensor.blocks * stretches, bytes, body);
}

// Between row-major FP32 and blocks of either type.
class RowsStep final : public Step {
 public:
  RowsStep(const StorageReorderKernels& kernels, const Region& region)
      : kernels_(kernels),
        to_blocked_(is_blocked(region.out(0).desc.format.layout)),
        blocked_(to_blocked_ ? region.out(0).desc : region.in(0).desc) {}

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    auto* dst = static_cast<float*>(bindings.outputs[0]);
    for_each_stretch(stream, blocked_, [&](auto image, auto block, auto first, auto pixels) {
      const int channels = blocked_.channels_in(block);
      const std::int64_t in_blocks = blocked_.offset(image, block) + first * kChannelBlock;
      const std::int64_t channel = image * blocked_.channels + block * blocked_.block_channels;
      const std::int64_t in_rows = channel * blocked_.pixels() + first;
      if (to_blocked_)
        kernels_.to_blocked(src + in_rows, blocked_.pixels(), channels, pixels, dst + in_blocks);
      else
        kernels_.from_blocked(src + in_blocks, pixels, channels, dst + in_rows, blocked_.pixels());
    });
  }

 private:
  const StorageReorderKernels& kernels_;
  bool to_blocked_;
  BlockedTensor blocked_;
};

// Between blocks in FP32 and in 16 bits: two of the former are one of the latter.
class BlocksStep final : public Step {
 public:
  BlocksStep(const StorageReorderKernels& kernels, const Region& region)
      : kernels_(kernels),
        narrows_(region.in(0).desc.format == kBlockedF32),
        wide_(narrows_ ? region.in(0).desc : region.out(0).desc),
        narrow_(narrows_ ? region.out(0).desc : region.in(0).desc) {}

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    auto* dst = static_cast<float*>(bindings.outputs[0]);
    for_each_stretch(stream, narrow_, [&](auto image, auto block, auto first, auto pixels) {
      const std::int64_t in_narrow = narrow_.offset(image, block) + first * kChannelBlock;
      const std::int64_t in_wide = wide_.offset(image, 2 * block) + first * kChannelBlock;
      const bool has_both = 2 * block + 1 < wide_.blocks;
      if (narrows_) {
        const float* low = src + in_wide;
        const float* high = has_both ? low + wide_.block_floats() : nullptr;
        kernels_.narrow({.low = low, .high = high, .step = kChannelBlock}, pixels, dst + in_narrow);
      } else {
        float* low = dst + in_wide;
        float* high = has_both ? low + wide_.block_floats() : nullptr;
        kernels_.widen(src + in_narrow, pixels, {.low = low, .high = high, .step = kChannelBlock});
      }
    });
  }

 private:
  const StorageReorderKernels& kernels_;
  bool narrows_;
  BlockedTensor wide_, narrow_;
};

class ReorderTactic final : public KernelTactic {
 public:
  ReorderTactic(const Kernels& kernels, DataType type)
      : KernelTactic("cpu.reorder", kernels, type) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.only<Identity>() == nullptr) return "not a single identity";
    const Format in = region.in(0).desc.format;
    const Format out = region.out(0).desc.format;
    if (in == out) return "both formats are the same";
    const Format blocked = blocked_format(type());
    if (in != blocked && out != blocked) return "neither format is that of its blocks";
    if (!is_other(in == blocked ? out : in)) return "has no such pair of formats";
    return refuse_plain(region, Layout::kBlocked16);
  }

  // Those that the region's values have.
  Requirements requirements(const Region& region) const override {
    return {{region.in(0).desc.format}, {region.out(0).desc.format}};
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    if (region.in(0).desc.format == Format{} || region.out(0).desc.format == Format{})
      return std::make_unique<RowsStep>(stored().reorder, region);
    return std::make_unique<BlocksStep>(stored().reorder, region);
  }

 private:
  // What there is on the other side of blocks of type().
  bool is_other(const Format& format) const {
    return format == Format{} || (type() != DataType::kF32 && format == kBlockedF32);
  }
};

}  // namespace

void add_reorder_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics) {
  tactics.push_back(std::make_unique<ReorderTactic>(kernels, type));
}

void add_data_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics) {
  add_pool_tactics(kernels, type, tactics);
  add_lrn_tactics(kernels, type, tactics);
  add_inner_product_tactics(kernels, type, tactics);
  if (type == DataType::kF32) add_softmax_tactics(kernels, tactics);
  add_elementwise_tactics(kernels, type, tactics);
  add_channelwise_tactics(kernels, type, tactics);
  add_eltwise_tactics(kernels, type, tactics);
  add_concat_tactics(kernels, type, tactics);
  add_reorder_tactics(kernels, type, tactics);
}

}  // namespace kissa::cpu
