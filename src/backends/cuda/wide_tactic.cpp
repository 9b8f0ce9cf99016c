// cuda.stage.wgmma_*: convolutions and 3 x 3 max pools of a large batch in one launch on Hopper.
#include <algorithm>
#include <array>
#include <numeric>

#include "backends/cuda/fp16.h"
#include "backends/cuda/kernels/wide_stage.h"
#include "backends/cuda/tactics.h"

namespace kissa::cuda {
namespace {

constexpr int kChunk = 64;  // channels of a step
constexpr int kParts = kChunk / static_cast<int>(kChannelBlock);

const TensorDesc& in_of(const Region& region, const Region::Node& node) {
  return region.value(node.inputs[0]).desc;
}
const TensorDesc& out_of(const Region& region, const Region::Node& node) {
  return region.value(node.outputs[0]).desc;
}

// The limits of a tensor map in im2col mode: corners are signed bytes, offsets unsigned ones.
std::optional<std::string> refuse_convolution(const Convolution& conv, const Shape& in,
                                              const Shape& out) {
  if (in.canonical_axis(conv.axis) != 1) return "not a 2-D convolution of NCHW";
  if (conv.group != 1) return "it has groups";
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

std::optional<std::string> refuse_pool(const Pooling& pool) {
  const bool is_same = pool.method == PoolMethod::kMax && !pool.global && !pool.with_mask &&
                       pool.kernel == std::array<std::int64_t, 2>{3, 3} &&
                       pool.stride == std::array<std::int64_t, 2>{1, 1} &&
                       pool.pad == std::array<std::int64_t, 2>{1, 1};
  if (!is_same) return "a pool is not 3 x 3, max, of stride 1";
  return std::nullopt;
}

std::optional<std::string> refuse_node(const Region& region, const Region::Node& node) {
  if (node.inputs.size() != 1 || !bounds_of(node.epilogue)) return "it has another epilogue";
  if (index_in(region.inputs, node.inputs[0]) == region.inputs.size())
    return "its input does not flow in";
  if (index_in(region.outputs, node.outputs[0]) == region.outputs.size())
    return "its output does not flow out";
  const Shape& in = in_of(region, node).shape;
  const Shape& out = out_of(region, node).shape;
  for (const Shape* shape : {&in, &out})
    if (auto reason = refuse_shape(*shape)) return reason;
  if (const auto* conv = std::get_if<Convolution>(&node.op))
    return refuse_convolution(*conv, in, out);
  if (const auto* pool = std::get_if<Pooling>(&node.op)) return refuse_pool(*pool);
  return "not a convolution or a max pool";
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

// The width that wastes least: a tile costs its columns and what every tile costs.
int tile_columns(int columns) {
  constexpr int kEachTile = 24;
  const auto cost = [&](int width) { return (columns + width - 1) / width * (width + kEachTile); };
  return *std::min_element(kWideColumns.begin(), kWideColumns.end(),
                           [&](int a, int b) { return cost(a) < cost(b); });
}

// Everything but addresses, strides and weights.
WideProduct shape_of(const Region& region, const Siblings& nodes) {
  const auto& conv = std::get<Convolution>(nodes[0]->op);
  const Shape& in = in_of(region, *nodes[0]).shape;
  const Shape& out = out_of(region, *nodes[0]).shape;
  const Bounds bounds = *bounds_of(nodes[0]->epilogue);
  const int blocks = to_int(channel_blocks(in[1]));
  WideProduct product = {};
  product.chunks = (blocks + kParts - 1) / kParts;
  product.last_parts = blocks - (product.chunks - 1) * kParts;
  product.taps_y = to_int(conv.kernel[0]);
  product.taps_x = to_int(conv.kernel[1]);
  product.stride = to_int(conv.stride[0]);
  product.dilation = to_int(conv.dilation[0]);
  product.pad_y = to_int(conv.pad[0]);
  product.pad_x = to_int(conv.pad[1]);
  product.out_height = to_int(out[2]);
  product.out_width = to_int(out[3]);
  product.pixel_count = to_int(out[0] * out[2] * out[3]);
  product.low = bounds.low;
  product.high = bounds.high;
  for (const Region::Node* node : nodes) {
    product.segments[product.segment_count++] = {product.columns, 0, nullptr};
    product.columns += to_int(padded(out_of(region, *node).shape[1]));
  }
  product.tile_columns = tile_columns(product.columns);
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

// [tile of columns][tap][chunk][column][64 channels], the 16-byte words of a column swizzled.
const void* pack_wide_weight(WeightArena& weights, const Region& region, const Siblings& nodes,
                             const WideProduct& product) {
  const std::int64_t taps = std::int64_t{product.taps_y} * product.taps_x;
  const std::int64_t steps = taps * product.chunks;
  const std::int64_t width = product.tile_columns;
  const std::int64_t channels = in_of(region, *nodes[0]).shape[1];
  const std::int64_t count = padded_columns(product) * steps * kChunk;
  return pack_numbers(weights, Number::kF16, count, [=, &region, &nodes](std::int64_t i) {
    const std::int64_t row = i / kChunk % width;
    const std::int64_t step = i / kChunk / width % steps;
    const std::int64_t word = i % kChunk / 8 ^ row % 8;
    const std::int64_t c = step % product.chunks * kChunk + word * 8 + i % 8;
    const Column at = column_of(nodes, product, i / kChunk / width / steps * width + row);
    if (at.node == nullptr || c >= channels) return 0.0f;
    const float* from = region.value(at.node->params[0]).constant;
    return from[(at.output * channels + c) * taps + step / product.chunks];
  });
}

const float* pack_wide_bias(WeightArena& weights, const Region& region, const Siblings& nodes,
                            const WideProduct& product) {
  const std::int64_t count = padded_columns(product);
  return static_cast<const float*>(
      pack_numbers(weights, Number::kF32, count, [=, &region, &nodes](std::int64_t i) {
        const Column at = column_of(nodes, product, i);
        if (at.node == nullptr || at.node->params.size() < 2) return 0.0f;
        return region.value(at.node->params[1]).constant[at.output];
      }));
}

WidePool shape_of_pool(const Region& region, const Region::Node& node) {
  const TensorDesc& in = in_of(region, node);
  return {.src = nullptr,
          .dst = nullptr,
          .src_stride = to_int(in.pixel_stride),
          .dst_stride = to_int(out_of(region, node).pixel_stride),
          .images = to_int(in.shape[0]),
          .height = to_int(in.shape[2]),
          .width = to_int(in.shape[3]),
          .words = to_int(channel_blocks(in.shape[1]) * 2)};
}

class WideStep final : public Step {
 public:
  WideStep(const Region& region, int blocks, WeightArena& weights) : blocks_(blocks) {
    prepare_wide_stage();
    std::vector<Siblings> products = products_of(region);
    // Long tiles first: what is left at the end is short.
    std::stable_sort(products.begin(), products.end(), [&](const Siblings& a, const Siblings& b) {
      return tile_work(shape_of(region, a)) > tile_work(shape_of(region, b));
    });
    for (const Siblings& nodes : products) add_product(region, nodes, weights);
    for (const Region::Node* node : pools_of(region)) add_pool(region, *node);
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    WideStage stage = stage_;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const Place& place = places_[i];
      WideProduct& product = stage.products[i];
      PixelBox box = place.box;
      box.data = bindings.inputs[place.src];
      encode_pixels(product, box);
      for (std::size_t s = 0; s < place.dst.size(); ++s)
        product.segments[s].dst = bindings.outputs[place.dst[s]];
    }
    for (std::size_t i = 0; i < pool_places_.size(); ++i) {
      stage.pools[i].src = bindings.inputs[pool_places_[i][0]];
      stage.pools[i].dst = bindings.outputs[pool_places_[i][1]];
    }
    launch_wide_stage(stage, blocks_, handle_of(stream));
  }

 private:
  struct Place {
    PixelBox box;
    std::size_t src;
    std::vector<std::size_t> dst;
  };

  static int tile_work(const WideProduct& product) {
    return product.taps_y * product.taps_x * product.chunks * product.tile_columns;
  }

  void add_product(const Region& region, const Siblings& nodes, WeightArena& weights) {
    WideProduct& product = stage_.products[stage_.product_count++];
    product = shape_of(region, nodes);
    product.weight = pack_wide_weight(weights, region, nodes, product);
    product.bias = pack_wide_bias(weights, region, nodes, product);
    const TensorDesc& in = in_of(region, *nodes[0]);
    Place place = {.box = {.data = nullptr,
                           .images = to_int(in.shape[0]),
                           .height = to_int(in.shape[2]),
                           .width = to_int(in.shape[3]),
                           .channels = to_int(padded(in.shape[1])),
                           .pixel_stride = to_int(in.pixel_stride),
                           .rows = blocks_ * kWideRows},
                   .src = index_in(region.inputs, nodes[0]->inputs[0]),
                   .dst = {}};
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      product.segments[i].dst_stride = to_int(out_of(region, *nodes[i]).pixel_stride);
      place.dst.push_back(index_in(region.outputs, nodes[i]->outputs[0]));
    }
    places_.push_back(std::move(place));
  }

  void add_pool(const Region& region, const Region::Node& node) {
    stage_.pools[stage_.pool_count++] = shape_of_pool(region, node);
    pool_places_.push_back(
        {index_in(region.inputs, node.inputs[0]), index_in(region.outputs, node.outputs[0])});
  }

  int blocks_;
  WideStage stage_ = {};
  std::vector<Place> places_;
  std::vector<std::array<std::size_t, 2>> pool_places_;
};

// Fewer leave multiprocessors idle.
constexpr int kManyPixels = 8192;

// `blocks` 0: two where there are many pixels, and nothing where there are not.
class WideTactic final : public Tactic {
 public:
  WideTactic(std::string_view name, int blocks) : name_(name), blocks_(blocks) {}

  std::string_view name() const override { return name_; }

  std::optional<std::string> refuse(const Region& region) const override {
    if (!has_wide_stage()) return "the GPU or its driver is not Hopper's";
    for (const Region::Node& node : region.nodes)
      if (auto reason = refuse_node(region, node)) return reason;
    const std::vector<Siblings> products = products_of(region);
    if (products.empty()) return "no convolution among its nodes";
    if (products.size() > kMaxWideProducts || pools_of(region).size() > kMaxWidePools)
      return "too many nodes";
    if (blocks_ == 0 && shape_of(region, products[0]).pixel_count < kManyPixels)
      return "too few pixels for large tiles";
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    return {std::vector<Format>(region.inputs.size(), nhwc(Number::kF16)),
            std::vector<Format>(region.outputs.size(), nhwc(Number::kF16))};
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<WideStep>(region, blocks_ == 0 ? 2 : blocks_, context.weights);
  }

 private:
  std::string_view name_;
  int blocks_;
};

}  // namespace

void add_wide_tactics(std::vector<std::unique_ptr<const Tactic>>& tactics) {
  tactics.push_back(std::make_unique<WideTactic>("cuda.stage.wgmma.f16", 0));
  tactics.push_back(std::make_unique<WideTactic>("cuda.stage.wgmma_256.f16", 2));
  tactics.push_back(std::make_unique<WideTactic>("cuda.stage.wgmma_128.f16", 1));
}

}  // namespace kissa::cuda
