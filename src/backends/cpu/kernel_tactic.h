// What the tactics of fused mode besides convolution share.
#pragma once

#include <optional>
#include <string>

#include "backends/cpu/isa.h"
#include "backends/tactic.h"

namespace kissa::cpu {

// A tactic that runs the kernels of one table, which compute in FP32.
class KernelTactic : public Tactic {
 public:
  // `stem`: the name's first parts, as in "cpu.pool.max". `type`: kF32, kBF16 or kF16, what the
  // tensors that flow or the weights are stored in. `isa`: where it is not that of `kernels`.
  KernelTactic(const std::string& stem, const Kernels& kernels, DataType type = DataType::kF32,
               const char* isa = nullptr);

  std::string_view name() const final { return name_; }

 protected:
  const Kernels& kernels() const { return kernels_; }
  DataType type() const { return type_; }
  // Those for tensors of type().
  const StorageKernels& stored() const {
    switch (type_) {
      case DataType::kBF16: return kernels_.bf16;
      case DataType::kF16: return kernels_.f16;
      default: return kernels_.f32;
    }
  }

 private:
  std::string name_;
  const Kernels& kernels_;
  DataType type_;
};

// Why the region is not what most kernels take: every input of its nodes comes from outside or from
// another node, nothing is empty, and no node but perhaps the last has an epilogue.
std::optional<std::string> refuse_flow(const Region& region);
// Besides: the node has no epilogue at all, and all tensors that flow have 4 axes where blocked.
std::optional<std::string> refuse_plain(const Region& region, Layout layout);

// FP32 in blocks of 16 channels, BF16 and FP16 in blocks of 32.
inline constexpr Format kBlockedF32 = {DataType::kF32, Layout::kBlocked16};
inline constexpr Format kBlockedBf16 = {DataType::kBF16, Layout::kBlocked32};
inline constexpr Format kBlockedF16 = {DataType::kF16, Layout::kBlocked32};

constexpr Format blocked_format(DataType type) {
  return type == DataType::kF32 ? kBlockedF32 : Format{type, Layout::kBlocked32};
}
// The formats, best first, of an op that needs no blocks of channels: FP32 may also be row-major.
inline std::vector<Format> formats_of(DataType type) {
  return type == DataType::kF32 ? std::vector{kBlockedF32, Format{}}
                                : std::vector{blocked_format(type)};
}

// One format everywhere.
Requirements requirements_in(const Region& region, Format format);
// FP32 in one layout everywhere.
Requirements requirements_in(const Region& region, Layout layout);

// A tactic's stem for blocks or rows: ".blocked" or ".rows" at its end.
std::string with_layout(const std::string& stem, Layout layout);

// All inputs and outputs in blocks of type().
class BlockedTactic : public KernelTactic {
 public:
  using KernelTactic::KernelTactic;
  Requirements requirements(const Region& region) const final {
    return requirements_in(region, blocked_format(type()));
  }
};

// Where the value lies in Bindings::inputs, and in Bindings::outputs.
std::size_t input_binding(const Region& region, int value);
std::size_t output_binding(const Region& region, int value);

// A tensor in blocks of 16 channels in FP32, or of 32 in 16 bits. A pixel of a block takes 64 bytes
// in both: addresses count floats, each of which stands for a pair of neighbouring channels in 16
// bits.
struct BlockedTensor {
  std::int64_t images, channels, blocks, height, width;
  std::int64_t block_channels;
  std::int64_t image_stride;  // floats

  explicit BlockedTensor(const TensorDesc& desc);
  std::int64_t pixels() const { return height * width; }
  std::int64_t block_floats() const { return pixels() * kChannelBlock; }
  std::int64_t offset(std::int64_t image, std::int64_t block) const {
    return image * image_stride + block * block_floats();
  }
  // Of the block: all in all but perhaps the last.
  int channels_in(std::int64_t block) const {
    const std::int64_t left = channels - block * block_channels;
    return static_cast<int>(left < block_channels ? left : block_channels);
  }
  bool has_padding() const { return channels % block_channels != 0; }
};

// An epilogue's activation in a kernel's terms.
ActivationParams activation_of(const Epilogue& epilogue);

// The value that the activation gives zero, which padding lanes hold.
float activated_zero(const Epilogue& epilogue);

}  // namespace kissa::cpu
