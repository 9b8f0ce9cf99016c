#include "backends/cpu/kernel_tactic.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace kissa::cpu {
namespace {

std::size_t index_in(const std::vector<int>& values, int value) {
  const auto it = std::find(values.begin(), values.end(), value);
  KISSA_CHECK(it != values.end());
  return static_cast<std::size_t>(it - values.begin());
}

std::string_view name_of(DataType type) {
  switch (type) {
    case DataType::kF32: return "f32";
    case DataType::kF16: return "f16";
    case DataType::kBF16: return "bf16";
    case DataType::kI8: return "i8";
  }
  return "";
}

}  // namespace

KernelTactic::KernelTactic(const std::string& stem, const Kernels& kernels, DataType type,
                           const char* isa)
    : name_(fmt::format("{}.{}.{}", stem, name_of(type), isa != nullptr ? isa : kernels.isa)),
      kernels_(kernels),
      type_(type) {}

std::optional<std::string> refuse_flow(const Region& region) {
  for (const Region::Value& value : region.values)
    if (value.desc.shape.elements() == 0) return "a tensor is empty";
  for (std::size_t i = 0; i < region.nodes.size(); ++i) {
    const Region::Node& node = region.nodes[i];
    for (const int input : node.inputs)
      if (region.value(input).constant != nullptr) return "an input is a constant";
    if (i + 1 < region.nodes.size() && !node.epilogue.empty()) return "it has an epilogue";
  }
  return std::nullopt;
}

std::optional<std::string> refuse_plain(const Region& region, Layout layout) {
  if (auto reason = refuse_flow(region)) return reason;
  const Region::Node& node = region.nodes.back();
  if (!node.epilogue.empty()) return "it has an epilogue";
  if (layout == Layout::kRowMajor) return std::nullopt;
  const auto is_blockable = [&](int value) { return region.value(value).desc.shape.rank() == 4; };
  for (const Region::Node& each : region.nodes)
    if (!std::all_of(each.inputs.begin(), each.inputs.end(), is_blockable) ||
        !std::all_of(each.outputs.begin(), each.outputs.end(), is_blockable))
      return "not of 4 axes (N, C, H, W)";
  return std::nullopt;
}

Requirements requirements_in(const Region& region, Format format) {
  return {std::vector<Format>(region.inputs.size(), format),
          std::vector<Format>(region.outputs.size(), format)};
}

Requirements requirements_in(const Region& region, Layout layout) {
  return requirements_in(region, Format{.layout = layout});
}

std::string with_layout(const std::string& stem, Layout layout) {
  return stem + (is_blocked(layout) ? ".blocked" : ".rows");
}

std::size_t input_binding(const Region& region, int value) {
  return index_in(region.inputs, value);
}

std::size_t output_binding(const Region& region, int value) {
  return index_in(region.outputs, value);
}

BlockedTensor::BlockedTensor(const TensorDesc& desc)
    : images(desc.shape[0]),
      channels(desc.shape[1]),
      blocks(channel_blocks(channels, kissa::block_channels(desc.format.layout))),
      height(desc.shape[2]),
      width(desc.shape[3]),
      block_channels(kissa::block_channels(desc.format.layout)),
      image_stride((desc.image_stride != 0 ? desc.image_stride : desc.image_elements()) *
                   size_of(desc.format.type) / size_of(DataType::kF32)) {}

ActivationParams activation_of(const Epilogue& epilogue) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  ActivationParams params = {.leaky = false, .slope = 0.0f, .low = -kInfinity, .high = kInfinity};
  switch (epilogue.activation) {
    case Activation::kNone: break;
    case Activation::kRelu:
      params.leaky = epilogue.low != 0.0f;
      params.slope = epilogue.low;
      params.low = 0.0f;
      break;
    case Activation::kClip:
      params.low = epilogue.low;
      params.high = epilogue.high;
      break;
  }
  return params;
}

float activated_zero(const Epilogue& epilogue) {
  Epilogue plain = epilogue;
  plain.has_residual = false;
  float zero = 0.0f;
  apply(plain, nullptr, &zero, 1);
  return zero;
}

}  // namespace kissa::cpu
