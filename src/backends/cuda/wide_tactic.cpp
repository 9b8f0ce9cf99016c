// cuda.stage.wgmma_*: convolutions and 3 x 3 max pools of a large batch in one launch on Hopper.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "backends/cuda/kernels/wide_stage.h"
#include "backends/cuda/nhwc.h"
#include "backends/cuda/tactics.h"
#include "backends/cuda/wide_schedule.h"

namespace kissa::cuda {
namespace {

constexpr int kParts = 4;  // of 32 bytes, in a step

// The limits of a tensor map in im2col mode: corners are signed bytes, offsets unsigned ones.
std::optional<std::string> refuse_convolution(const Convolution& conv, const Shape& in,
                                              const Shape& out) {
  if (conv.stride[0] != conv.stride[1] || conv.dilation[0] != conv.dilation[1])
    return "its axes differ";
  if (conv.stride[0] > 8) return "its stride is over 8";
  for (int i = 0; i < 2; ++i) {
    const auto axis = static_cast<std::size_t>(i);
    const std::int64_t upper =
        (out[i + 2] - 1) * conv.stride[axis] + 1 - conv.pad[axis] - in[i + 2];
    if (conv.pad[axis] > 128 || upper < -128 || upper > 127 ||
        (conv.kernel[axis] - 1) * conv.dilation[axis] > 255)
      return "its filter reaches too far";
  }
  return std::nullopt;
}

// The nodes of one product: convolutions of one input that differ in nothing but their outputs.
using Siblings = std::vector<const Region::Node*>;

bool are_siblings(const Region::Node& a, const Region::Node& b) {
  Convolution like = std::get<Convolution>(a.op);
  const auto& other = std::get<Convolution>(b.op);
  like.num_output = other.num_output;
  like.has_bias = other.has_bias;
  return a.inputs == b.inputs && like == other && a.epilogue == b.epilogue;
}

std::vector<Siblings> products_of(const Region& region) {
  std::vector<Siblings> products;
  for (const Region::Node& node : region.nodes) {
    if (!std::holds_alternative<Convolution>(node.op)) continue;
    const auto it = std::find_if(products.begin(), products.end(), [&](const Siblings& found) {
      return found.size() < kMaxWideSegments && are_siblings(*found[0], node);
    });
    if (it != products.end())
      it->push_back(&node);
    else
      products.push_back({&node});
  }
  return products;
}

std::vector<const Region::Node*> pools_of(const Region& region) {
  std::vector<const Region::Node*> pools;
  for (const Region::Node& node : region.nodes)
    if (std::holds_alternative<Pooling>(node.op)) pools.push_back(&node);
  return pools;
}

std::int64_t padded(std::int64_t channels) { return channel_blocks(channels) * kChannelBlock; }

WideSource source_of(const Region& region, const Siblings& nodes, Number number) {
  const TensorDesc& in = in_of(region, *nodes[0]);
  return {.data = nullptr,
          .height = to_int(in.shape[2]),
          .width = to_int(in.shape[3]),
          .channels = to_int(padded(in.shape[1])),
          .pixel_stride = to_int(in.pixel_stride),
          .number = number};
}

// Everything but addresses, strides and weights.
WideProduct shape_of(const Region& region, const Siblings& nodes, Number number, int blocks,
                     int width) {
  const auto& conv = std::get<Convolution>(nodes[0]->op);
  const Shape& in = in_of(region, *nodes[0]).shape;
  const Shape& out = out_of(region, *nodes[0]).shape;
  const Bounds bounds = *bounds_of(nodes[0]->epilogue);
  const int groups = to_int(padded(in[1]) / group_channels(number));
  WideProduct product = {};
  product.chunks = (groups + kParts - 1) / kParts;
  product.last_parts = groups - (product.chunks - 1) * kParts;
  product.taps_y = to_int(conv.kernel[0]);
  product.taps_x = to_int(conv.kernel[1]);
  product.stride = to_int(conv.stride[0]);
  product.dilation = to_int(conv.dilation[0]);
  product.pad_y = to_int(conv.pad[0]);
  product.pad_x = to_int(conv.pad[1]);
  product.images = to_int(out[0]);
  product.out_height = to_int(out[2]);
  product.out_width = to_int(out[3]);
  product.low = bounds.low;
  product.high = bounds.high;
  for (const Region::Node* node : nodes) {
    product.segments[product.segment_count++] = {product.columns, 0, nullptr};
    product.columns += to_int(padded(out_of(region, *node).shape[1]));
  }
  product.tile_columns = width;
  choose_box(product, source_of(region, nodes, number), blocks);
  return product;
}

int padded_columns(const WideProduct& product) {
  return (product.columns + product.tile_columns - 1) / product.tile_columns * product.tile_columns;
}

// The node that a column belongs to and its output there; no node behind the last output.
struct Column {
  const Region::Node* node;
  std::int64_t output;
};

Column column_of(const Siblings& nodes, const WideProduct& product, std::int64_t column) {
  int i = product.segment_count - 1;
  while (column < product.segments[i].first) --i;
  const Region::Node* node = nodes[static_cast<std::size_t>(i)];
  const std::int64_t output = column - product.segments[i].first;
  return {output < std::get<Convolution>(node->op).num_output ? node : nullptr, output};
}

// What 32 bytes of channels of a step's weights belong to; tap -1: nothing.
struct Part {
  int tap;
  int group;  // of 32 bytes of channels
};

// For each step of a tile its parts: chunk after chunk, box after box, tap after tap.
std::vector<Part> parts_of(const WideProduct& product) {
  const int taps = product.taps_y * product.taps_x;
  std::vector<Part> parts;
  for (int chunk = 0; chunk < product.chunks; ++chunk) {
    const int groups = chunk + 1 == product.chunks ? product.last_parts : kParts;
    for (int box = 0; box < taps; box += product.box_taps) {
      for (int i = 0; i < product.box_taps * groups; ++i)
        parts.push_back({box + i / groups, chunk * kParts + i % groups});
      while (parts.size() % kParts != 0) parts.push_back({-1, 0});
    }
  }
  return parts;
}

// [tile of columns][step][high, and low half][column][128 bytes of channels], the 16-byte words of
// a column swizzled.
const void* pack_wide_weight(WeightArena& weights, Number number, const Region& region,
                             const Siblings& nodes, const WideProduct& product) {
  const std::vector<Part> parts = parts_of(product);
  const std::int64_t taps = std::int64_t{product.taps_y} * product.taps_x;
  const std::int64_t width = product.tile_columns;
  const std::int64_t group = group_channels(number);
  const std::int64_t row_count = kParts * group;
  const std::int64_t of_word = 16 / bytes_of(number);
  const std::int64_t copies = wide_weights(number);
  const std::int64_t channels = in_of(region, *nodes[0]).shape[1];
  const std::int64_t count = padded_columns(product) * product.steps * copies * row_count;
  return pack_numbers(weights, number, count, [&](std::int64_t i) {
    const std::int64_t row = i / row_count % width;
    const std::int64_t copy = i / row_count / width % copies;
    const std::int64_t step = i / row_count / width / copies % product.steps;
    const std::int64_t tile = i / row_count / width / copies / product.steps;
    const std::int64_t k = (i % row_count / of_word ^ row % 8) * of_word + i % of_word;
    const Part& part = parts[static_cast<std::size_t>(step * kParts + k / group)];
    const std::int64_t c = part.group * group + k % group;
    const Column at = column_of(nodes, product, tile * width + row);
    if (at.node == nullptr || part.tap < 0 || c >= channels) return 0.0f;
    const float* from = region.value(at.node->params[0]).constant;
    const float value = from[(at.output * channels + c) * taps + part.tap];
    if (copies == 1) return value;
    const float high = rounded_to_tf32(value);
    return copy == 0 ? high : rounded_to_tf32(value - high);
  });
}

const float* pack_wide_bias(WeightArena& weights, const Region& region, const Siblings& nodes,
                            const WideProduct& product) {
  return static_cast<const float*>(
      pack_numbers(weights, Number::kF32, padded_columns(product), [&](std::int64_t i) {
        const Column at = column_of(nodes, product, i);
        if (at.node == nullptr || at.node->params.size() < 2) return 0.0f;
        return region.value(at.node->params[1]).constant[at.output];
      }));
}

WidePool shape_of_pool(const Region& region, const Region::Node& node, Number number) {
  const TensorDesc& in = in_of(region, node);
  WidePool pool = {};
  pool.src_stride = to_int(in.pixel_stride);
  pool.dst_stride = to_int(out_of(region, node).pixel_stride);
  pool.images = to_int(in.shape[0]);
  pool.height = to_int(in.shape[2]);
  pool.width = to_int(in.shape[3]);
  pool.words = to_int(padded(in.shape[1]) * bytes_of(number) / 16);
  return pool;
}

// Of a stage's tiles: 128 pixels to a block of rows, and the most columns.
struct TileShape {
  int blocks;
  int columns;
};

// The widths that waste least: a tile costs its columns and what every tile costs. Of floats one
// for all products.
std::vector<int> choose_widths(const Region& region, const std::vector<Siblings>& products,
                               Number number, const TileShape& tile) {
  constexpr int kEachTile = 24;
  const int blocks = tile.blocks;
  std::span<const int> all = wide_columns(number);
  while (all.back() > tile.columns) all = all.first(all.size() - 1);
  const auto cost = [&](std::size_t i, int width) {
    const WideProduct product = shape_of(region, products[i], number, blocks, width);
    return double{1} * wide_tiles(product, blocks) * (width + kEachTile) * product.steps;
  };
  std::vector<int> widths;
  for (std::size_t i = 0; i < products.size(); ++i) {
    const auto cost_of = [&](int width) {
      if (number != Number::kF32) return cost(i, width);
      double sum = 0.0;
      for (std::size_t of = 0; of < products.size(); ++of) sum += cost(of, width);
      return sum;
    };
    widths.push_back(*std::min_element(all.begin(), all.end(),
                                       [&](int a, int b) { return cost_of(a) < cost_of(b); }));
  }
  return widths;
}

// Products and pools with tiles of these widths, a product each.
WideStage shape_of(const Region& region, const std::vector<Siblings>& products, Number number,
                   int blocks, const std::vector<int>& widths) {
  WideStage stage = {};
  stage.number = number;
  for (std::size_t i = 0; i < products.size(); ++i)
    stage.products[stage.product_count++] =
        shape_of(region, products[i], number, blocks, widths[i]);
  for (const Region::Node* node : pools_of(region))
    stage.pools[stage.pool_count++] = shape_of_pool(region, *node, number);
  plan_wide_stage(stage);
  return stage;
}

const std::uint32_t* pack_turns(WeightArena& weights, const std::vector<std::uint32_t>& turns) {
  const auto bytes = static_cast<std::int64_t>(turns.size() * sizeof(turns[0]));
  return static_cast<const std::uint32_t*>(weights.add(bytes, [&](void* packed) {
    std::memcpy(packed, turns.data(), static_cast<std::size_t>(bytes));
  }));
}

class WideStep final : public Step {
 public:
  WideStep(const Region& region, Number number, const TileShape& tile, WeightArena& weights)
      : blocks_(tile.blocks) {
    const std::vector<Siblings> products = products_of(region);
    stage_ =
        shape_of(region, products, number, blocks_, choose_widths(region, products, number, tile));
    for (std::size_t i = 0; i < products.size(); ++i)
      add_product(region, products[i], stage_.products[i], weights);
    for (const Region::Node* node : pools_of(region))
      pool_places_.push_back(
          {index_in(region.inputs, node->inputs[0]), index_in(region.outputs, node->outputs[0])});
    const WideSchedule plan = schedule(stage_, blocks_, multiprocessors());
    stage_.grid = plan.grid;
    stage_.turns = pack_turns(weights, plan.turns);
    prepare_wide_stage(stage_, blocks_);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    WideStage stage = stage_;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const Place& place = places_[i];
      WideProduct& product = stage.products[i];
      WideSource source = place.source;
      source.data = bindings.inputs[place.src];
      encode_pixels(product, source);
      for (std::size_t s = 0; s < place.dst.size(); ++s)
        product.segments[s].dst = bindings.outputs[place.dst[s]];
    }
    for (std::size_t i = 0; i < pool_places_.size(); ++i) {
      stage.pools[i].src = bindings.inputs[pool_places_[i][0]];
      stage.pools[i].dst = bindings.outputs[pool_places_[i][1]];
      encode_pixels(stage.pools[i], stage.number);
    }
    launch_wide_stage(stage, blocks_, handle_of(stream));
  }

 private:
  struct Place {
    WideSource source;
    std::size_t src;
    std::vector<std::size_t> dst;
  };

  void add_product(const Region& region, const Siblings& nodes, WideProduct& product,
                   WeightArena& weights) {
    product.weight = pack_wide_weight(weights, stage_.number, region, nodes, product);
    product.bias = pack_wide_bias(weights, region, nodes, product);
    Place place = {.source = source_of(region, nodes, stage_.number),
                   .src = index_in(region.inputs, nodes[0]->inputs[0]),
                   .dst = {}};
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      product.segments[i].dst_stride = to_int(out_of(region, *nodes[i]).pixel_stride);
      place.dst.push_back(index_in(region.outputs, nodes[i]->outputs[0]));
    }
    places_.push_back(std::move(place));
  }

  int blocks_;
  WideStage stage_ = {};
  std::vector<Place> places_;
  std::vector<std::array<std::size_t, 2>> pool_places_;
};

std::int64_t pixels_of(const Region& region, const Region::Node& node) {
  const Shape& out = out_of(region, node).shape;
  return out[0] * out[2] * out[3];
}

// Fewer leave multiprocessors idle.
constexpr int kManyPixels = 8192;

constexpr int kSomePixels = 256;
constexpr int kMostColumns = 192;

// `blocks` 0: as many as the kernel has where there are many pixels, and nothing where there are
// not. Narrow tiles are for few pixels.
class WideTactic final : public Tactic {
 public:
  WideTactic(Number number, int blocks, int columns = kMostColumns)
      : name_(fmt::format("cuda.stage.{}{}{}.{}", number == Number::kF32 ? "wgmma3" : "wgmma",
                          blocks == 0 ? "" : fmt::format("_{}", blocks * kWideRows),
                          columns == kMostColumns ? "" : fmt::format("x{}", columns),
                          suffix_of(number))),
        number_(number),
        tile_{blocks, columns} {}

  std::string_view name() const override { return name_; }

  std::optional<std::string> refuse(const Region& region) const override {
    if (!has_wide_stage()) return "the GPU or its driver is not Hopper's";
    for (const Region::Node& node : region.nodes)
      if (auto reason = refuse_stage_node(region, node, refuse_convolution)) return reason;
    const std::vector<Siblings> products = products_of(region);
    if (products.empty()) return "no convolution among its nodes";
    if (products.size() > kMaxWideProducts || pools_of(region).size() > kMaxWidePools)
      return "too many nodes";
    if (tile_.blocks == 0 && pixels_of(region, *products[0][0]) < kManyPixels)
      return "too few pixels for large tiles";
    if (tile_.columns < kMostColumns && pixels_of(region, *products[0][0]) < kSomePixels)
      return "too few pixels";
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    return {std::vector<Format>(region.inputs.size(), nhwc(number_)),
            std::vector<Format>(region.outputs.size(), nhwc(number_))};
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    TileShape tile = tile_;
    if (tile.blocks == 0) tile.blocks = number_ == Number::kF32 ? 1 : 2;
    return std::make_unique<WideStep>(region, number_, tile, context.weights);
  }

 private:
  std::string name_;
  Number number_;
  TileShape tile_;
};

}  // namespace

void add_wide_tactics(Number number, std::vector<std::unique_ptr<const Tactic>>& tactics) {
  tactics.push_back(std::make_unique<WideTactic>(number, 0));
  if (number != Number::kF32) tactics.push_back(std::make_unique<WideTactic>(number, 2));
  tactics.push_back(std::make_unique<WideTactic>(number, 1));
  tactics.push_back(std::make_unique<WideTactic>(number, 1, 64));
  if (number == Number::kF32) return;
  for (const int columns : {96, 48, 32})
    tactics.push_back(std::make_unique<WideTactic>(number, 1, columns));
  for (const int columns : {96, 64})
    tactics.push_back(std::make_unique<WideTactic>(number, 2, columns));
}

}  // namespace kissa::cuda
