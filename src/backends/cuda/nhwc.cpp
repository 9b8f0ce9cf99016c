#include "backends/cuda/nhwc.h"

#include <cuda_fp16.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace kissa::cuda {

std::optional<Bounds> bounds_of(const Epilogue& epilogue) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (epilogue.has_residual) return std::nullopt;
  switch (epilogue.activation) {
    case Activation::kNone: return Bounds{-kInfinity, kInfinity};
    case Activation::kRelu:
      if (epilogue.low != 0.0f) return std::nullopt;
      return Bounds{0.0f, kInfinity};
    case Activation::kClip:
      if (epilogue.low > 0.0f || epilogue.high < 0.0f) return std::nullopt;
      return Bounds{epilogue.low, epilogue.high};
  }
  return std::nullopt;
}

std::string_view suffix_of(Number number) {
  switch (number) {
    case Number::kF16: return "f16";
    case Number::kTf32: return "tf32";
    case Number::kF32: return "f32";
  }
  return "";
}

std::uint16_t half_bits(float value) {
  const __half_raw raw = __float2half_rn(value);
  return raw.x;
}

float rounded_to_tf32(float value) {
  if (!std::isfinite(value)) return value;
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(value) + 0x1000u) & 0xffffe000u);
}

const void* pack_numbers(WeightArena& weights, Number number, std::int64_t count,
                         const std::function<float(std::int64_t)>& value_at) {
  return weights.add(count * bytes_of(number), [&](void* packed) {
    for (std::int64_t i = 0; i < count; ++i) {
      const float value = value_at(i);
      if (number == Number::kF16)
        static_cast<std::uint16_t*>(packed)[i] = half_bits(value);
      else
        static_cast<float*>(packed)[i] = number == Number::kTf32 ? rounded_to_tf32(value) : value;
    }
  });
}

const void* pack_fragments(
    WeightArena& weights, Number number, std::int64_t outputs, std::int64_t steps,
    const std::function<float(std::int64_t output, std::int64_t step, int row)>& weight_at) {
  const int of_lane = 16 / bytes_of(number);
  const int of_register = of_lane / 4;
  const auto value_at = [&](std::int64_t place) {
    const int i = static_cast<int>(place % of_lane);
    const int lane = static_cast<int>(place / of_lane % 32);
    const std::int64_t step = place / of_lane / 32 % steps;
    const std::int64_t block = place / of_lane / 32 / steps;
    const std::int64_t output = block * 16 + lane / 4 + i / of_register % 2 * 8;
    const int row = (lane % 4 + i / of_register / 2 * 4) * of_register + i % of_register;
    return output < outputs ? weight_at(output, step, row) : 0.0f;
  };
  return pack_numbers(weights, number, channel_blocks(outputs) * steps * 32 * of_lane, value_at);
}

const void* pack_stage_weight(WeightArena& weights, Number number, const Convolution& conv,
                              std::int64_t channels, const float* weight) {
  const std::int64_t taps = conv.kernel[0] * conv.kernel[1];
  const std::int64_t group = group_channels(number);
  return pack_fragments(weights, number, conv.num_output,
                        channel_blocks(channels) * kChannelBlock / group * taps,
                        [&](std::int64_t output, std::int64_t step, int row) {
                          const std::int64_t c = step / taps * group + row;
                          if (c >= channels) return 0.0f;
                          return weight[(output * channels + c) * taps + step % taps];
                        });
}

const float* pack_bias(WeightArena& weights, const float* bias, std::int64_t outputs) {
  const std::int64_t count = channel_blocks(outputs) * kChannelBlock;
  return static_cast<const float*>(weights.add(count * 4, [&](void* packed) {
    auto* to = static_cast<float*>(packed);
    std::fill(to, to + count, 0.0f);
    if (bias != nullptr) std::copy(bias, bias + outputs, to);
  }));
}

std::size_t index_in(const std::vector<int>& values, int value) {
  return static_cast<std::size_t>(std::find(values.begin(), values.end(), value) - values.begin());
}

LrnParameters lrn_parameters(const Lrn& lrn) {
  return {.reach = to_int(lrn.size / 2),
          .k = lrn.k,
          .alpha = lrn.alpha / static_cast<float>(lrn.size),
          .beta = lrn.beta};
}

std::optional<std::string> refuse_shape(const Shape& shape) {
  if (shape.rank() != 4) return "not N, C, H, W";
  if (shape.elements() == 0) return "it is empty";
  if (shape[0] * (shape[1] + kChannelBlock) * shape[2] * shape[3] > INT32_MAX)
    return "a tensor is too large";
  return std::nullopt;
}

std::optional<std::string> refuse_stage_node(
    const Region& region, const Region::Node& node,
    std::optional<std::string> (*refuse_convolution)(const Convolution& conv, const Shape& in,
                                                     const Shape& out)) {
  if (node.inputs.size() != 1 || !bounds_of(node.epilogue)) return "it has another epilogue";
  if (index_in(region.inputs, node.inputs[0]) == region.inputs.size())
    return "its input does not flow in";
  if (index_in(region.outputs, node.outputs[0]) == region.outputs.size())
    return "its output does not flow out";
  const Shape& in = in_of(region, node).shape;
  const Shape& out = out_of(region, node).shape;
  for (const Shape* shape : {&in, &out})
    if (auto reason = refuse_shape(*shape)) return reason;
  if (const auto* conv = std::get_if<Convolution>(&node.op)) {
    if (in.canonical_axis(conv->axis) != 1) return "not a 2-D convolution of NCHW";
    if (conv->group != 1) return "it has groups";
    return refuse_convolution(*conv, in, out);
  }
  const auto* pool = std::get_if<Pooling>(&node.op);
  if (pool == nullptr) return "not a convolution or a max pool";
  using Pair = std::array<std::int64_t, 2>;
  const bool is_same = pool->method == PoolMethod::kMax && !pool->global && !pool->with_mask &&
                       pool->kernel == Pair{3, 3} && pool->stride == Pair{1, 1} &&
                       pool->pad == Pair{1, 1};
  if (!is_same) return "a pool is not 3 x 3, max, of stride 1";
  return std::nullopt;
}

}  // namespace kissa::cuda
