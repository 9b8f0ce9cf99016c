#include "backends/cpu/conv_geometry.h"

#include <algorithm>
#include <limits>

namespace kissa::cpu {
namespace {

std::optional<std::string> refuse_conv(const Region& region, const Region::Node& node) {
  const auto* conv = std::get_if<Convolution>(&node.op);
  if (conv == nullptr) return "not a convolution";
  const Shape& in = region.value(node.inputs[0]).desc.shape;
  if (in.rank() != 4 || in.canonical_axis(conv->axis) != 1) return "not a 2-D convolution of NCHW";
  if (region.value(node.inputs[0]).constant != nullptr) return "its input is a constant";
  if (node.inputs[0] != region.inputs[0]) return "its input is not the region's first";
  for (const int param : node.params)
    if (region.value(param).constant == nullptr) return "a parameter is not constant";
  for (const int input : node.inputs)
    if (std::find(region.inputs.begin(), region.inputs.end(), input) == region.inputs.end())
      return "an input comes from inside the region";
  if (in.elements() == 0) return "its input is empty";
  // Tiles count channels and taps in 32 bits.
  const ConvGeometry g = geometry_of(region, node);
  if (std::max(g.channels, g.outputs) > (1 << 24) || g.taps() > (1 << 24))
    return "too many channels or taps";
  const Epilogue& epilogue = node.epilogue;
  if (epilogue.activation == Activation::kClip && (epilogue.low > 0.0f || epilogue.high < 0.0f) &&
      g.outputs % kChannelBlock != 0)
    return "its clip would not leave padding lanes at zero";
  return std::nullopt;
}

}  // namespace

ConvGeometry geometry_of(const Convolution& conv, const Shape& in, const Shape& out) {
  return {.images = in[0],
          .channels = in[1],
          .height = in[2],
          .width = in[3],
          .outputs = out[1],
          .out_height = out[2],
          .out_width = out[3],
          .kernel_h = conv.kernel[0],
          .kernel_w = conv.kernel[1],
          .stride_h = conv.stride[0],
          .stride_w = conv.stride[1],
          .pad_h = conv.pad[0],
          .pad_w = conv.pad[1],
          .dilation_h = conv.dilation[0],
          .dilation_w = conv.dilation[1],
          .group = conv.group};
}

ConvGeometry geometry_of(const Region& region, const Region::Node& node) {
  return geometry_of(std::get<Convolution>(node.op), region.value(node.inputs[0]).desc.shape,
                     region.value(node.outputs[0]).desc.shape);
}

std::optional<std::string> refuse_convs(const Region& region) {
  if (region.inputs.empty()) return "it has no input";
  for (const Region::Node& node : region.nodes) {
    if (auto reason = refuse_conv(region, node)) return reason;
    if (node.inputs[0] != region.nodes[0].inputs[0]) return "its convolutions read several values";
  }
  return std::nullopt;
}

bool adds_own_input(const Region::Node& node) {
  return node.epilogue.has_residual && node.inputs.back() == node.inputs.front();
}

}  // namespace kissa::cpu
