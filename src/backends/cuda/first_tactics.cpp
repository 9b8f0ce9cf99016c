// A network's first layers, from its FP32 row-major image to NHWC.
#include <array>

#include "backends/cuda/kernels/first_conv.h"
#include "backends/cuda/kernels/head.h"
#include "backends/cuda/kernels/neck.h"
#include "backends/cuda/kernels/stage.h"
#include "backends/cuda/kernels/wide_stage.h"
#include "backends/cuda/nhwc.h"
#include "backends/cuda/tactics.h"

namespace kissa::cuda {
namespace {

// Some neighbouring taps of a row of the filter, 4 channels each, make a step.
const void* pack_first(WeightArena& weights, Number number, const Convolution& conv,
                       std::int64_t channels, const float* weight) {
  const std::int64_t side = conv.kernel[0];
  const std::int64_t taps = first_conv_taps(number);
  const std::int64_t of_row = (side + taps - 1) / taps;
  return pack_fragments(weights, number, conv.num_output, side * of_row,
                        [=](std::int64_t output, std::int64_t step, int row) {
                          const std::int64_t r = step / of_row;
                          const std::int64_t s = step % of_row * taps + row / 4;
                          const std::int64_t c = row % 4;
                          if (s >= side || c >= channels) return 0.0f;
                          return weight[((output * channels + c) * side + r) * side + s];
                        });
}

class FirstConvTactic final : public Tactic {
 public:
  explicit FirstConvTactic(Number number)
      : name_(fmt::format("cuda.conv.first_mma.{}", suffix_of(number))), number_(number) {}

  std::string_view name() const override { return name_; }

  std::optional<std::string> refuse(const Region& region) const override {
    const auto* conv = region.only<Convolution>();
    if (conv == nullptr) return "not a single convolution";
    if (auto reason = refuse_flow(region)) return reason;
    const Shape& in = in_of(region).shape;
    if (in.canonical_axis(conv->axis) != 1 || conv->group != 1)
      return "not a 2-D convolution of NCHW in one group";
    if (in[1] > 4) return "more than 4 input channels";
    if (conv->kernel[0] != conv->kernel[1] || conv->stride[0] != conv->stride[1] ||
        conv->pad[0] != conv->pad[1])
      return "its axes differ";
    if (conv->kernel[0] > 12 || conv->stride[0] % 2 != 0 || conv->stride[0] > 4 ||
        conv->dilation[0] != 1 || conv->dilation[1] != 1)
      return "not a filter up to 12 x 12 of stride 2 or 4";
    if (!bounds_of(region.nodes[0].epilogue)) return "it has another epilogue";
    if (in[0] > 65535) return "too many images";
    return std::nullopt;
  }

  Requirements requirements(const Region&) const override { return {{Format{}}, {nhwc(number_)}}; }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    const auto& conv = *region.only<Convolution>();
    const Shape& in = in_of(region).shape;
    const Shape& out = out_of(region).shape;
    const Bounds bounds = *bounds_of(region.nodes[0].epilogue);
    prepare_first_conv(number_);
    FirstConv first = {};
    first.number = number_;
    first.dst_stride = to_int(out_of(region).pixel_stride);
    first.images = to_int(in[0]);
    first.channels = to_int(in[1]);
    first.height = to_int(in[2]);
    first.width = to_int(in[3]);
    first.out_height = to_int(out[2]);
    first.out_width = to_int(out[3]);
    first.blocks_out = to_int(channel_blocks(conv.num_output));
    first.side = to_int(conv.kernel[0]);
    first.stride = to_int(conv.stride[0]);
    first.pad = to_int(conv.pad[0]);
    first.low = bounds.low;
    first.high = bounds.high;
    first.weight = pack_first(context.weights, number_, conv, in[1], region.param(0).constant);
    first.bias = pack_bias(context.weights, conv.has_bias ? region.param(1).constant : nullptr,
                           conv.num_output);
    return std::make_unique<LaunchStep<FirstConv>>(first, launch_first_conv);
  }

 private:
  std::string name_;
  Number number_;
};

// [tile][64 outputs][64] halves, the 16-byte words of a row swizzled; `weight_at(output, k)` with k
// over all tiles.
template <class WeightAt>
const void* pack_head_tiles(WeightArena& weights, Number number, std::int64_t tiles,
                            WeightAt weight_at) {
  const std::int64_t of_word = 16 / bytes_of(number);
  const std::int64_t of_row = 8 * of_word;
  return pack_numbers(weights, number, tiles * kHeadOutputs * of_row, [=](std::int64_t i) {
    const std::int64_t output = i / of_row % kHeadOutputs;
    const std::int64_t word = i % of_row / of_word ^ output % 8;
    return weight_at(output, i / of_row / kHeadOutputs * of_row + word * of_word + i % of_word);
  });
}

// So many nodes, each of which reads what the one before writes.
bool is_chain(const Region& region, std::size_t count) {
  if (region.nodes.size() != count) return false;
  for (std::size_t i = 1; i < count; ++i)
    if (region.nodes[i].inputs != region.nodes[i - 1].outputs) return false;
  return true;
}

// Of a head or a neck.
std::optional<std::string> refuse_pool_and_lrn(const Pooling& pool, const Lrn& lrn) {
  Pooling wanted = {.kernel = {3, 3}, .stride = {2, 2}};
  wanted.round_mode = pool.round_mode;
  if (pool != wanted) return "the pool is not 3x3, max, of stride 2";
  if (lrn.region != LrnRegion::kAcrossChannels || lrn.size != 5)
    return "LRN is not across 5 channels";
  return std::nullopt;
}

// Fewer images leave multiprocessors idle.
constexpr std::int64_t kManyImages = 8;

// 7 x 7 convolution, pool, LRN and 1 x 1 convolution in a chain. `is_wide`: for many images
// on Hopper, in FP16 or TF32.
class HeadTactic final : public Tactic {
 public:
  HeadTactic(Number number, bool is_wide)
      : name_(fmt::format("cuda.head.{}.{}", is_wide ? "wgmma" : "mma", suffix_of(number))),
        number_(number),
        is_wide_(is_wide) {}

  std::string_view name() const override { return name_; }

  std::optional<std::string> refuse(const Region& region) const override {
    if (!is_chain(region, 4)) return "not a chain of four";
    if (region.outputs != region.nodes[3].outputs) return "more than one output";
    if (auto reason = refuse_flow(region)) return reason;
    const auto* first = std::get_if<Convolution>(&region.nodes[0].op);
    const auto* pool = std::get_if<Pooling>(&region.nodes[1].op);
    const auto* lrn = std::get_if<Lrn>(&region.nodes[2].op);
    const auto* second = std::get_if<Convolution>(&region.nodes[3].op);
    if (first == nullptr || pool == nullptr || lrn == nullptr || second == nullptr)
      return "not convolution, pool, LRN, convolution";
    const Shape& in = in_of(region).shape;
    if (in[0] > 65535 || in[1] > 4) return "too many images, or over 4 channels";
    if (!is_convolution(*first, kHeadSide, 2) || first->pad[0] != first->pad[1])
      return "the first convolution is not 64 x 7x7 of stride 2";
    if (!is_convolution(*second, 1, 1) || second->pad[0] + second->pad[1] != 0)
      return "the second convolution is not 64 x 1x1";
    if (auto reason = refuse_pool_and_lrn(*pool, *lrn)) return reason;
    if (!bounds_of(region.nodes[0].epilogue) || !bounds_of(region.nodes[3].epilogue) ||
        !region.nodes[1].epilogue.empty() || !region.nodes[2].epilogue.empty())
      return "it has another epilogue";
    return is_wide_ ? refuse_wide(in, region.out(0).desc.shape) : std::nullopt;
  }

  Requirements requirements(const Region&) const override { return {{Format{}}, {nhwc(number_)}}; }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    const auto& first = std::get<Convolution>(region.nodes[0].op);
    const auto& lrn = std::get<Lrn>(region.nodes[2].op);
    const auto& second = std::get<Convolution>(region.nodes[3].op);
    const Shape& in = in_of(region).shape;
    const Shape& conv = region.out(0).desc.shape;
    const Shape& out = out_of(region).shape;
    const Bounds first_bounds = *bounds_of(region.nodes[0].epilogue);
    const Bounds second_bounds = *bounds_of(region.nodes[3].epilogue);
    const auto param = [&](std::size_t node, std::size_t i) {
      return region.value(region.nodes[node].params[i]).constant;
    };
    Head head = {};
    head.number = number_;
    head.dst_stride = to_int(out_of(region).pixel_stride);
    head.images = to_int(in[0]);
    head.channels = to_int(in[1]);
    head.height = to_int(in[2]);
    head.width = to_int(in[3]);
    head.conv_height = to_int(conv[2]);
    head.conv_width = to_int(conv[3]);
    head.out_height = to_int(out[2]);
    head.out_width = to_int(out[3]);
    head.pad = to_int(first.pad[0]);
    head.lrn = lrn_parameters(lrn);
    head.first_low = first_bounds.low;
    head.first_high = first_bounds.high;
    head.second_low = second_bounds.low;
    head.second_high = second_bounds.high;
    head.first_bias =
        pack_bias(context.weights, first.has_bias ? param(0, 1) : nullptr, kHeadOutputs);
    head.second_bias =
        pack_bias(context.weights, second.has_bias ? param(3, 1) : nullptr, kHeadOutputs);
    if (is_wide_) {
      prepare_wide_head(number_);
      pack_wide(context.weights, number_, in[1], param(0, 0), param(3, 0), head);
      return std::make_unique<LaunchStep<Head>>(head, launch_wide_head);
    }
    head.first_weight = pack_first(context.weights, number_, first, in[1], param(0, 0));
    prepare_head(number_);
    const std::int64_t group = group_channels(number_);
    head.second_weight =
        pack_fragments(context.weights, number_, kHeadOutputs, kHeadOutputs / group,
                       [=, weight = param(3, 0)](std::int64_t output, std::int64_t step, int row) {
                         return weight[output * kHeadOutputs + step * group + row];
                       });
    return std::make_unique<LaunchStep<Head>>(head, launch_head);
  }

 private:
  static std::optional<std::string> refuse_wide(const Shape& in, const Shape& conv) {
    if (!has_wide_stage()) return "the GPU or its driver is not Hopper's";
    if (in[0] < kManyImages) return "too few images";
    if (in[1] > kWideHeadChannels || conv[3] > kWideHeadColumns)
      return "too many channels or columns";
    return std::nullopt;
  }

  static void pack_wide(WeightArena& weights, Number number, std::int64_t channels,
                        const float* first, const float* second, Head& head) {
    head.first_weight = pack_head_tiles(
        weights, number, wide_head_tiles(number), [=](std::int64_t output, std::int64_t k) {
          const std::int64_t r = k / 32;
          const std::int64_t s = k % 32 / 4;
          const std::int64_t c = k % 4;
          if (r >= kHeadSide || s >= kHeadSide || c >= channels) return 0.0f;
          return first[((output * channels + c) * kHeadSide + r) * kHeadSide + s];
        });
    head.second_weight = pack_head_tiles(
        weights, number, kHeadOutputs * bytes_of(number) / 128,
        [=](std::int64_t output, std::int64_t k) { return second[output * kHeadOutputs + k]; });
  }

  static bool is_convolution(const Convolution& conv, std::int64_t side, std::int64_t stride) {
    using Pair = std::vector<std::int64_t>;
    return conv.num_output == kHeadOutputs && conv.kernel == Pair{side, side} &&
           conv.stride == Pair{stride, stride} && conv.dilation == Pair{1, 1} && conv.group == 1 &&
           conv.axis == 1;
  }

  std::string name_;
  Number number_;
  bool is_wide_;
};

// Its 28 tiles of a GoogLeNet's image fill the GPU; from more images on, larger tiles win.
constexpr std::int64_t kFewImages = 2;

// 3 x 3 convolution, LRN and pool in a chain, for few images on Hopper.
class NeckTactic final : public Tactic {
 public:
  explicit NeckTactic(Number number)
      : name_(fmt::format("cuda.neck.{}.{}", number == Number::kF32 ? "mma3" : "mma",
                          suffix_of(number))),
        number_(number) {}

  std::string_view name() const override { return name_; }

  std::optional<std::string> refuse(const Region& region) const override {
    if (!is_chain(region, 3)) return "not a chain of three";
    if (region.outputs != region.nodes[2].outputs) return "more than one output";
    if (auto reason = refuse_flow(region)) return reason;
    const auto* conv = std::get_if<Convolution>(&region.nodes[0].op);
    const auto* lrn = std::get_if<Lrn>(&region.nodes[1].op);
    const auto* pool = std::get_if<Pooling>(&region.nodes[2].op);
    if (conv == nullptr || lrn == nullptr || pool == nullptr) return "not convolution, LRN, pool";
    using Pair = std::vector<std::int64_t>;
    if (conv->kernel != Pair{3, 3} || conv->stride != Pair{1, 1} || conv->pad != Pair{1, 1} ||
        conv->dilation != Pair{1, 1} || conv->group != 1 || conv->axis != 1)
      return "the convolution is not 3x3 of stride 1";
    if (conv->num_output > kNeckOutputs) return "too many outputs";
    if (auto reason = refuse_pool_and_lrn(*pool, *lrn)) return reason;
    if (!bounds_of(region.nodes[0].epilogue) || !region.nodes[1].epilogue.empty() ||
        !region.nodes[2].epilogue.empty())
      return "it has another epilogue";
    if (in_of(region).shape[0] > kFewImages) return "too many images";
    if (!has_wide_stage()) return "the GPU or its driver is not Hopper's";
    if (neck_shared_bytes(shape_of(region)) > kMaxSharedBytes) return "too many channels";
    return std::nullopt;
  }

  Requirements requirements(const Region&) const override {
    return {{nhwc(number_)}, {nhwc(number_)}};
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    const auto& conv = std::get<Convolution>(region.nodes[0].op);
    const Region::Node& first = region.nodes[0];
    const auto param = [&](std::size_t i) { return region.value(first.params[i]).constant; };
    Neck neck = shape_of(region);
    neck.weight =
        pack_stage_weight(context.weights, number_, conv, in_of(region).shape[1], param(0));
    neck.bias = pack_bias(context.weights, conv.has_bias ? param(1) : nullptr, conv.num_output);
    prepare_neck(number_);
    return std::make_unique<LaunchStep<Neck>>(neck, launch_neck);
  }

 private:
  // All but addresses, of a region that is such a chain.
  Neck shape_of(const Region& region) const {
    const auto& conv = std::get<Convolution>(region.nodes[0].op);
    const auto& lrn = std::get<Lrn>(region.nodes[1].op);
    const Shape& in = in_of(region).shape;
    const Shape& out = out_of(region).shape;
    const Bounds bounds = *bounds_of(region.nodes[0].epilogue);
    Neck neck = {};
    neck.number = number_;
    neck.src_stride = to_int(in_of(region).pixel_stride);
    neck.dst_stride = to_int(out_of(region).pixel_stride);
    neck.images = to_int(in[0]);
    neck.height = to_int(in[2]);
    neck.width = to_int(in[3]);
    neck.out_height = to_int(out[2]);
    neck.out_width = to_int(out[3]);
    neck.groups_in = to_int(channel_blocks(in[1]) * kChannelBlock / group_channels(number_));
    neck.outputs = to_int(conv.num_output);
    neck.lrn = lrn_parameters(lrn);
    neck.low = bounds.low;
    neck.high = bounds.high;
    return neck;
  }

  std::string name_;
  Number number_;
};

}  // namespace

void add_first_tactics(Number number, std::vector<std::unique_ptr<const Tactic>>& tactics) {
  if (number != Number::kF32) tactics.push_back(std::make_unique<HeadTactic>(number, true));
  tactics.push_back(std::make_unique<HeadTactic>(number, false));
  tactics.push_back(std::make_unique<NeckTactic>(number));
  tactics.push_back(std::make_unique<FirstConvTactic>(number));
}

}  // namespace kissa::cuda
