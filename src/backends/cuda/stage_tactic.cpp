// cuda.stage.*: convolutions of stride 1 that keep the image's size, and 3 x 3 max pools, in one
// launch.
#include <algorithm>
#include <cmath>

#include "backends/cuda/kernels/stage.h"
#include "backends/cuda/nhwc.h"
#include "backends/cuda/stream.h"
#include "backends/cuda/tactics.h"

namespace kissa::cuda {
namespace {

constexpr int kMultiprocessors = 132;  // of the H100 and H200, which the model below was fitted to

bool all_are(const std::vector<std::int64_t>& values, std::int64_t wanted) {
  return std::all_of(values.begin(), values.end(),
                     [&](std::int64_t value) { return value == wanted; });
}

std::optional<std::string> refuse_convolution(const Convolution& conv, const Shape&, const Shape&) {
  const std::int64_t side = conv.kernel[0];
  if (!all_are(conv.kernel, side) || side % 2 == 0 || side > 15)
    return "the filter is not a small odd square";
  if (!all_are(conv.stride, 1) || !all_are(conv.dilation, 1) || !all_are(conv.pad, side / 2))
    return "the result has not the image's size";
  return std::nullopt;
}

std::optional<std::string> refuse_node(const Region& region, const Region::Node& node) {
  if (auto reason = refuse_stage_node(region, node, refuse_convolution)) return reason;
  const Shape& in = in_of(region, node).shape;
  const Shape& first = in_of(region, region.nodes[0]).shape;
  if (in[0] != first[0] || in[2] != first[2] || in[3] != first[3]) return "the image sizes differ";
  return std::nullopt;
}

bool is_convolution(const Region::Node& node) {
  return std::holds_alternative<Convolution>(node.op);
}

// The steps of a sum, which a tile's time goes by.
std::int64_t steps_of(const Region& region, const Region::Node& node) {
  const auto* conv = std::get_if<Convolution>(&node.op);
  if (conv == nullptr) return 0;
  return channel_blocks(in_of(region, node).shape[1]) * conv->kernel[0] * conv->kernel[1];
}

// Long tiles first: what is left at the end is short.
std::vector<const Region::Node*> in_order(const Region& region) {
  std::vector<const Region::Node*> nodes;
  for (const Region::Node& node : region.nodes) nodes.push_back(&node);
  std::stable_sort(nodes.begin(), nodes.end(), [&](const auto* a, const auto* b) {
    return steps_of(region, *a) > steps_of(region, *b);
  });
  return nodes;
}

// The stage but for addresses, strides and weights. For a region that is none of the above.
Stage shape_of(const Region& region, Number number) {
  Stage stage = {};
  stage.number = number;
  const Shape& in = in_of(region, region.nodes[0]).shape;
  stage.images = to_int(in[0]);
  stage.height = to_int(in[2]);
  stage.width = to_int(in[3]);
  for (const Region::Node* each : in_order(region)) {
    const Region::Node& node = *each;
    StageTask& task = stage.tasks[stage.count++];
    const auto* conv = std::get_if<Convolution>(&node.op);
    const Bounds bounds = *bounds_of(node.epilogue);
    task.is_pool = conv == nullptr;
    task.groups_in = to_int(channel_blocks(in_of(region, node).shape[1]) * kChannelBlock /
                            group_channels(number));
    task.blocks_out = to_int(channel_blocks(out_of(region, node).shape[1]));
    task.side = conv != nullptr ? to_int(conv->kernel[0]) : 3;
    task.low = bounds.low;
    task.high = bounds.high;
  }
  return stage;
}

// A guess of the microseconds, to order tiles that were not measured.
double estimate(const Stage& stage, const StageTile& tile) {
  const std::size_t shared = stage_shared_bytes(stage, tile);
  const int resident = std::min(tile.resident, static_cast<int>(kMaxSharedBytes / shared));
  const int mmas = tile.m_each * tile.n_each * tile.m_warps * tile.n_warps;
  double work = 0.0;     // cycles of one multiprocessor
  double longest = 0.0;  // of one block
  for (int i = 0; i < stage.count; ++i) {
    const StageTask& task = stage.tasks[i];
    if (task.is_pool) continue;
    Stage alone = stage;
    alone.count = 1;
    alone.tasks[0] = task;
    const double steps = task.groups_in * task.side * task.side;
    const double sums = tile.channels() * tile.pixels() * tile.k_warps / 64.0;
    const double pixels = static_cast<double>(tile.pixels()) * task.groups_in * 32 / 32.0;
    const double busy = steps * mmas * 4.0 + sums + pixels;
    work += busy * static_cast<double>(stage_blocks(alone, tile));
    longest = std::max(
        longest, steps / tile.k_warps * (tile.m_each * tile.n_each * 8.0 + 24.0) + sums * 4.0);
  }
  const auto blocks = static_cast<double>(stage_blocks(stage, tile));
  const double waves = std::ceil(blocks / (kMultiprocessors * resident));
  return std::max(work / kMultiprocessors, waves * longest) + waves * 2500.0;
}

const StageTile* best_tile(const Stage& stage) {
  const StageTile* best = nullptr;
  for (const StageTile& tile : stage_tiles(stage.number)) {
    if (stage_shared_bytes(stage, tile) > kMaxSharedBytes) continue;
    if (best == nullptr || estimate(stage, tile) < estimate(stage, *best)) best = &tile;
  }
  return best;
}

class StageStep final : public Step {
 public:
  StageStep(const Region& region, const StageTile& tile, WeightArena& weights)
      : stage_(shape_of(region, tile.number)), tile_(tile) {
    prepare_stage(tile);
    const std::vector<const Region::Node*> nodes = in_order(region);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const Region::Node& node = *nodes[i];
      StageTask& task = stage_.tasks[i];
      src_[i] = index_in(region.inputs, node.inputs[0]);
      dst_[i] = index_in(region.outputs, node.outputs[0]);
      task.src_stride = to_int(region.value(node.inputs[0]).desc.pixel_stride);
      task.dst_stride = to_int(region.value(node.outputs[0]).desc.pixel_stride);
      const auto* conv = std::get_if<Convolution>(&node.op);
      if (conv == nullptr) continue;
      task.weight = pack_stage_weight(weights, tile.number, *conv, in_of(region, node).shape[1],
                                      region.value(node.params[0]).constant);
      task.bias =
          pack_bias(weights, conv->has_bias ? region.value(node.params[1]).constant : nullptr,
                    conv->num_output);
    }
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    Stage stage = stage_;
    for (int i = 0; i < stage.count; ++i) {
      stage.tasks[i].src = bindings.inputs[src_[static_cast<std::size_t>(i)]];
      stage.tasks[i].dst = bindings.outputs[dst_[static_cast<std::size_t>(i)]];
    }
    launch_stage(stage, tile_, handle_of(stream));
  }

 private:
  Stage stage_;
  StageTile tile_;
  std::array<std::size_t, kMaxStageTasks> src_ = {};
  std::array<std::size_t, kMaxStageTasks> dst_ = {};
};

class StageTactic final : public Tactic {
 public:
  // A null `tile`: the one that is guessed to be best.
  StageTactic(Number number, const StageTile* tile)
      : name_(fmt::format("cuda.stage.{}{}{}.{}", number == Number::kF32 ? "mma3" : "mma",
                          tile == nullptr ? "" : "_", tile == nullptr ? "" : tile->name,
                          suffix_of(number))),
        number_(number),
        tile_(tile) {}

  std::string_view name() const override { return name_; }

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() > static_cast<std::size_t>(kMaxStageTasks)) return "too many nodes";
    if (std::none_of(region.nodes.begin(), region.nodes.end(), is_convolution))
      return "no convolution among its nodes";
    for (const Region::Node& node : region.nodes)
      if (auto reason = refuse_node(region, node)) return reason;
    const Stage stage = shape_of(region, number_);
    const StageTile* tile = tile_ != nullptr ? tile_ : best_tile(stage);
    if (tile == nullptr || stage_shared_bytes(stage, *tile) > kMaxSharedBytes)
      return "its tile does not fit shared memory";
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    return {std::vector<Format>(region.inputs.size(), nhwc(number_)),
            std::vector<Format>(region.outputs.size(), nhwc(number_))};
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    const StageTile* tile = tile_ != nullptr ? tile_ : best_tile(shape_of(region, number_));
    return std::make_unique<StageStep>(region, *tile, context.weights);
  }

 private:
  std::string name_;
  Number number_;
  const StageTile* tile_;
};

}  // namespace

void add_stage_tactics(Number number, std::vector<std::unique_ptr<const Tactic>>& tactics) {
  tactics.push_back(std::make_unique<StageTactic>(number, nullptr));
  for (const StageTile& tile : stage_tiles(number))
    tactics.push_back(std::make_unique<StageTactic>(number, &tile));
}

}  // namespace kissa::cuda
