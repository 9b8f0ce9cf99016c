// What the tactics of NHWC share.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backends/cuda/kernels/nhwc.h"
#include "backends/cuda/kernels/number.h"
#include "backends/cuda/stream.h"
#include "backends/tactic.h"

namespace kissa::cuda {

constexpr Format nhwc(Number number) {
  return {.type = number == Number::kF16 ? DataType::kF16 : DataType::kF32,
          .layout = Layout::kNhwc};
}

inline constexpr Format kNhwcF16 = nhwc(Number::kF16);

// What ends a tactic's name: "f16", "tf32" or "f32".
std::string_view suffix_of(Number number);

// An epilogue that keeps a result within bounds.
struct Bounds {
  float low;
  float high;
};
// Nothing where the epilogue does something else, or would not leave a 0 as it is.
std::optional<Bounds> bounds_of(const Epilogue& epilogue);

// The bits of a float, rounded to FP16.
std::uint16_t half_bits(float value);

// To 11 bits; half way goes away from 0.
float rounded_to_tf32(float value);

// `count` numbers, rounded; `value_at` gives each.
const void* pack_numbers(WeightArena& weights, Number number, std::int64_t count,
                         const std::function<float(std::int64_t)>& value_at);

// A convolution's weight (K x C x taps) as the first operand of mma.sync m16n8k16 or m16n8k8:
// [block of 16 outputs][step][lane] 16 bytes. `weight_at(k, row)` gives the element of output k at
// row (below group_channels) of the step; outputs behind `outputs` are 0.
const void* pack_fragments(
    WeightArena& weights, Number number, std::int64_t outputs, std::int64_t steps,
    const std::function<float(std::int64_t output, std::int64_t step, int row)>& weight_at);

// The weight of a square filter: the steps are (group of channels, tap).
const void* pack_stage_weight(WeightArena& weights, Number number, const Convolution& conv,
                              std::int64_t channels, const float* weight);

// A bias of whole blocks of 16, 0 where there is none.
const float* pack_bias(WeightArena& weights, const float* bias, std::int64_t outputs);

// The index among Region::inputs or Region::outputs.
std::size_t index_in(const std::vector<int>& values, int value);

inline int to_int(std::int64_t value) { return static_cast<int>(value); }

// What the kernels take: Caffe's alpha is divided by the number of channels.
LrnParameters lrn_parameters(const Lrn& lrn);

// Why a shape is none of N, C, H, W whose numbers the kernels can count in 32 bits.
std::optional<std::string> refuse_shape(const Shape& shape);

// A step that launches one kernel of one source and one destination.
template <class Op>
class LaunchStep final : public Step {
 public:
  LaunchStep(const Op& op, void (*launch)(const Op&, cudaStream_t)) : op_(op), launch_(launch) {}
  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    Op op = op_;
    op.src = static_cast<decltype(op.src)>(bindings.inputs[0]);
    op.dst = static_cast<decltype(op.dst)>(bindings.outputs[0]);
    launch_(op, handle_of(stream));
  }

 private:
  Op op_;
  void (*launch_)(const Op&, cudaStream_t);
};

// One input that flows in, one output, no residual; shapes of N, C, H, W.
inline std::optional<std::string> refuse_flow(const Region& region) {
  if (region.inputs.size() != 1 || region.outputs.size() != 1 || region.nodes[0].inputs.size() != 1)
    return "more than one input or output";
  for (const auto* values : {&region.inputs, &region.outputs})
    if (auto reason = refuse_shape(region.value((*values)[0]).desc.shape)) return reason;
  return std::nullopt;
}

inline const TensorDesc& in_of(const Region& region) { return region.value(region.inputs[0]).desc; }
inline const TensorDesc& out_of(const Region& region) {
  return region.value(region.outputs[0]).desc;
}

// Of a node with one input.
inline const TensorDesc& in_of(const Region& region, const Region::Node& node) {
  return region.value(node.inputs[0]).desc;
}
inline const TensorDesc& out_of(const Region& region, const Region::Node& node) {
  return region.value(node.outputs[0]).desc;
}

// Why a node cannot be one of several independent ones in a launch: it is a 3 x 3 max pool of
// stride 1, or a convolution that `refuse_convolution` takes.
std::optional<std::string> refuse_stage_node(
    const Region& region, const Region::Node& node,
    std::optional<std::string> (*refuse_convolution)(const Convolution& conv, const Shape& in,
                                                     const Shape& out));

}  // namespace kissa::cuda
