#include "backends/cpu/conv_blocks.h"

#include <algorithm>
#include <array>
#include <limits>

#include "backends/cpu/conv_bf16.h"
#include "backends/cpu/conv_prelu.h"
#include "backends/cpu/kernel_tactic.h"
#include "base/system.h"

namespace kissa::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

FinishRun finish_of(const Epilogue& epilogue) {
  FinishRun run = {};
  run.low = -kInfinity;
  run.high = kInfinity;
  if (epilogue.activation == Activation::kClip) {
    run.low = epilogue.low;
    run.high = epilogue.high;
  } else if (epilogue.activation == Activation::kRelu && epilogue.low == 0.0f) {
    run.low = 0.0f;
  }
  return run;
}

bool is_leaky(const Region& region, const Region::Node& node) {
  return learned_slopes(region, node) != nullptr ||
         (node.epilogue.activation == Activation::kRelu && node.epilogue.low != 0.0f);
}

// Of the block's channels, zero where there are none.
void write_slopes(const Region& region, const OutputBlock& block, float* slopes) {
  std::fill(slopes, slopes + kChannelBlock, 0.0f);
  if (!block.is_leaky) return;
  const Region::Value* learned = learned_slopes(region, *block.node);
  const std::int64_t outputs = std::get<Convolution>(block.node->op).num_output;
  const std::int64_t count = std::min(kChannelBlock, outputs - block.first_output);
  if (learned == nullptr)
    std::fill(slopes, slopes + count, block.node->epilogue.low);
  else if (learned->desc.shape.elements() == 1)
    std::fill(slopes, slopes + count, learned->constant[0]);
  else
    std::copy_n(learned->constant + block.first_output, count, slopes);
}

// Cycles that a tile of AVX-512 takes for each step of its sum, times 2, on a core with two units
// for products, two for loads and a latency of 4; with one of each the order is the same. Other
// instruction sets have but one size of panel.
double tile_cycles(int pixels, int blocks) {
  const double products = pixels * blocks;
  const double loads = pixels + blocks;
  constexpr double kLatency = 8;  // products in flight
  // Loads cost a little even where products hide them: the larger tile wins a tie.
  return std::max({products, loads, kLatency}) + 0.02 * loads;
}

double panel_cycles(int size, std::int64_t pixels, const GemmKernels& kernels) {
  const int most = kernels.pixels[size - 1];
  const std::int64_t tiles = divide_up(pixels, most);
  const std::int64_t larger = pixels % tiles;  // tiles are as even as can be
  const int n = static_cast<int>(pixels / tiles);
  return static_cast<double>(larger) * tile_cycles(n + 1, size) +
         static_cast<double>(tiles - larger) * tile_cycles(n, size);
}

}  // namespace

std::vector<OutputBlock> output_blocks(const Region& region) {
  std::vector<OutputBlock> blocks;
  for (const Region::Node& node : region.nodes) {
    const TensorDesc& out = region.value(node.outputs[0]).desc;
    const std::int64_t plane = out.shape[2] * out.shape[3];
    OutputBlock block = {};
    block.node = &node;
    block.binding = output_binding(region, node.outputs[0]);
    block.image_stride = BlockedTensor(out).image_stride;
    block.finish = finish_of(node.epilogue);
    block.is_leaky = is_leaky(region, node);
    block.needs_finish = node.epilogue.has_residual || block.is_leaky;
    block.residual = -1;
    if (node.epilogue.has_residual) {
      const int value = node.inputs.back();
      const TensorDesc& residual = region.value(value).desc;
      block.residual = static_cast<int>(input_binding(region, value));
      block.residual_stride = BlockedTensor(residual).image_stride;
    }
    const std::int64_t stored = block_channels(out.format.layout);
    for (std::int64_t k = 0; k < out.shape[1]; k += kChannelBlock) {
      block.first_output = k;
      block.offset = k / stored * plane * kChannelBlock +
                     k % stored * size_of(out.format.type) / size_of(DataType::kF32);
      block.is_last = k + kChannelBlock >= out.shape[1];
      blocks.push_back(block);
    }
  }
  return blocks;
}

std::vector<int> choose_panels(int blocks, std::int64_t pixels, const GemmKernels& kernels) {
  // best[b]: the cycles of b blocks; last[b]: the size of their last panel.
  std::vector<double> best(static_cast<std::size_t>(blocks) + 1, kInfinity);
  std::vector<int> last(best.size(), 0);
  best[0] = 0.0;
  for (int b = 1; b <= blocks; ++b) {
    for (int size = 1; size <= std::min(b, kMaxTileBlocks); ++size) {
      if (kernels.pixels[size - 1] == 0) continue;
      const double cycles =
          best[static_cast<std::size_t>(b - size)] + panel_cycles(size, pixels, kernels);
      if (cycles >= best[static_cast<std::size_t>(b)]) continue;
      best[static_cast<std::size_t>(b)] = cycles;
      last[static_cast<std::size_t>(b)] = size;
    }
  }
  std::vector<int> sizes;
  for (int b = blocks; b > 0; b -= sizes.back()) sizes.push_back(last[static_cast<std::size_t>(b)]);
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  return sizes;
}

std::vector<Panel> pack_panels(const Region& region, const ConvStorage& storage,
                               std::span<const OutputBlock> blocks, std::span<const int> sizes,
                               std::int64_t floats_per_block, const PackWeights& pack,
                               WeightArena& arena) {
  const bool is_half = storage.weights == DataType::kF16;
  // The bias comes first, slopes last.
  const auto slope_floats = [](const Panel& panel) {
    const bool has_slopes = std::any_of(panel.blocks.begin(), panel.blocks.end(),
                                        [](const OutputBlock& block) { return block.is_leaky; });
    return has_slopes ? panel.size() * kChannelBlock : 0;
  };
  const auto panel_floats = [&](const Panel& panel) {
    const std::int64_t weights = panel.size() * floats_per_block / (is_half ? 2 : 1);
    return panel.size() * kChannelBlock + divide_up(weights, kChannelBlock) * kChannelBlock +
           slope_floats(panel);
  };
  std::vector<Panel> panels;
  for (const int size : sizes) {
    Panel& panel = panels.emplace_back();
    panel.blocks.assign(blocks.begin(), blocks.begin() + size);
    blocks = blocks.subspan(static_cast<std::size_t>(size));
    for (const OutputBlock& block : panel.blocks) {
      panel.low.push_back(block.needs_finish ? -kInfinity : block.finish.low);
      panel.high.push_back(block.needs_finish ? kInfinity : block.finish.high);
      panel.clamp |= panel.low.back() != -kInfinity || panel.high.back() != kInfinity;
      panel.needs_finish |= block.needs_finish;
    }
  }

  const auto write_bias = [&](const OutputBlock& block, float* bias) {
    const auto& conv = std::get<Convolution>(block.node->op);
    const std::int64_t outputs = std::min(kChannelBlock, conv.num_output - block.first_output);
    std::fill(bias, bias + kChannelBlock, 0.0f);
    if (!conv.has_bias) return;
    const float* from = region.value(block.node->params[1]).constant + block.first_output;
    std::copy(from, from + outputs, bias);
  };
  std::int64_t floats = 0;
  for (const Panel& panel : panels) floats += panel_floats(panel);
  const void* data = arena.add(floats * size_of(DataType::kF32), [&](void* memory) {
    auto* next = static_cast<float*>(memory);
    std::vector<float> weights;
    for (const Panel& panel : panels) {
      for (const OutputBlock& block : panel.blocks) {
        write_bias(block, next);
        next += kChannelBlock;
      }
      if (is_half) {
        weights.assign(static_cast<std::size_t>(panel.size() * floats_per_block), 0.0f);
        pack(panel.blocks, weights.data());
        to_fp16(weights, next);
      } else {
        pack(panel.blocks, next);
      }
      next += panel_floats(panel) - panel.size() * kChannelBlock - slope_floats(panel);
      if (slope_floats(panel) == 0) continue;
      for (const OutputBlock& block : panel.blocks) {
        write_slopes(region, block, next);
        next += kChannelBlock;
      }
    }
  });

  const auto* next = static_cast<const float*>(data);
  for (Panel& panel : panels) {
    panel.bias = next;
    panel.weight = next + panel.size() * kChannelBlock;
    panel.lines = panel_floats(panel) / kChannelBlock;
    panel.storage = storage;
    next += panel_floats(panel);
    const float* slope = next - slope_floats(panel);
    for (OutputBlock& block : panel.blocks) {
      if (block.is_leaky) block.finish.slope = slope;
      slope += kChannelBlock;
      block.node = nullptr;
    }
  }
  return panels;
}

const GemmKernels& set_weights(const Kernels& kernels, const GemmKernels& gemm, const Panel& panel,
                               std::int64_t first, std::int64_t count, std::int64_t tiles,
                               float* scratch, GemmTile& tile) noexcept {
  // Two vectors' conversions take a cycle from a tile's products, widening them 4 to 5 at once.
  constexpr std::int64_t kFewTiles = 4;
  tile.weight = panel.weight + first;
  if (panel.storage.weights != DataType::kF16) return gemm;
  const float* halves = panel.weight + first / 2;
  if (tiles <= kFewTiles && kernels.gemm_f16.pixels[0] > 0) {
    tile.weight = halves;
    return kernels.gemm_f16;
  }
  kernels.widen_weights(halves, static_cast<long>(count), scratch);
  tile.weight = scratch;
  return gemm;
}

FindTaps taps_of(const Region& region) {
  return
      [&region](const OutputBlock& block, std::int64_t lane, std::int64_t channel) -> const float* {
        const Region::Value& weight = region.value(block.node->params[0]);
        const Shape& shape = weight.desc.shape;
        const std::int64_t output = block.first_output + lane;
        if (output >= shape[0]) return nullptr;
        return weight.constant + (output * shape[1] + channel) * shape.product(2, shape.rank());
      };
}

void pack_filters(std::span<const OutputBlock> blocks, std::int64_t channels, std::int64_t taps,
                  const FindTaps& find, float* weight) {
  const auto row = static_cast<std::int64_t>(blocks.size()) * kChannelBlock;
  for (std::int64_t k = 0; k < row; ++k) {
    const OutputBlock& block = blocks[static_cast<std::size_t>(k / kChannelBlock)];
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t first = c / kChannelBlock * kChannelBlock;
      const std::int64_t count = std::min(kChannelBlock, channels - first);
      const float* from = find(block, k % kChannelBlock, c);
      float* dst = weight + (first * taps + c - first) * row + k;
      for (std::int64_t t = 0; t < taps; ++t)
        dst[t * count * row] = from != nullptr ? from[t] : 0.0f;
    }
  }
}

float* address_of(const OutputBlock& block, const Bindings& bindings, std::int64_t image,
                  std::int64_t pixel) noexcept {
  return static_cast<float*>(bindings.outputs[block.binding]) + image * block.image_stride +
         block.offset + pixel * kChannelBlock;
}

HalfBlock half_block(const OutputBlock& block, const Bindings& bindings, std::int64_t image,
                     std::int64_t pixel) noexcept {
  const FinishRun& finish = block.finish;
  HalfBlock half = {.dst = address_of(block, bindings, image, pixel),
                    .residual = nullptr,
                    .low = finish.low,
                    .high = finish.high,
                    .slope = finish.slope,
                    .is_last = block.is_last && block.first_output / kChannelBlock % 2 == 0};
  if (block.residual >= 0)
    half.residual =
        static_cast<const float*>(bindings.inputs[static_cast<std::size_t>(block.residual)]) +
        image * block.residual_stride + block.offset + pixel * kChannelBlock;
  return half;
}

void finish(const Kernels& kernels, const OutputBlock& block, const Bindings& bindings,
            std::int64_t image, std::int64_t pixel, std::int64_t pixels) noexcept {
  if (!block.needs_finish) return;
  FinishRun run = block.finish;
  run.dst = address_of(block, bindings, image, pixel);
  run.count = pixels * kChannelBlock;
  if (block.residual >= 0)
    run.residual =
        static_cast<const float*>(bindings.inputs[static_cast<std::size_t>(block.residual)]) +
        image * block.residual_stride + block.offset + pixel * kChannelBlock;
  kernels.finish(run);
}

void run_tile(const Kernels& kernels, const GemmKernels& gemm, const Panel& panel,
              const Bindings& bindings, std::int64_t image, std::int64_t pixel, int pixels,
              GemmTile& tile) noexcept {
  const HalfKernels* halves = panel.storage.halves;
  alignas(64) std::array<float, kMaxTileBlocks * kMaxTilePixels * kChannelBlock> sums;
  std::array<float*, kMaxTileBlocks> dst;
  for (std::size_t j = 0; j < panel.blocks.size(); ++j)
    dst[j] = halves != nullptr ? sums.data() + static_cast<int>(j) * pixels * kChannelBlock
                               : address_of(panel.blocks[j], bindings, image, pixel);
  tile.dst = dst.data();
  tile.bias = panel.bias;
  tile.clamp = panel.clamp && halves == nullptr;
  tile.low = panel.low.data();
  tile.high = panel.high.data();
  gemm.tile[panel.size() - 1][pixels - 1](tile);
  if (halves != nullptr) {
    for (std::size_t j = 0; j < panel.blocks.size(); ++j)
      halves->store(half_block(panel.blocks[j], bindings, image, pixel), dst[j], one_row(pixels));
    return;
  }
  if (panel.needs_finish)
    for (const OutputBlock& block : panel.blocks)
      finish(kernels, block, bindings, image, pixel, pixels);
}

void set_prefetch(GemmTile& tile, const void* data, std::int64_t lines, std::int64_t slice,
                  std::int64_t slices) noexcept {
  const std::int64_t begin = lines * slice / slices;
  const std::int64_t end = lines * (slice + 1) / slices;
  tile.prefetch = static_cast<const char*>(data) + begin * 64;
  tile.prefetch_lines = static_cast<int>(divide_up(end - begin, channel_blocks(tile.channels)));
}

std::int64_t group_bytes() { return std::clamp<std::int64_t>(l2_bytes() / 2, 128 << 10, 2 << 20); }

std::int64_t pieces_for(std::int64_t count, std::int64_t most, std::int64_t threads) {
  constexpr double kWaste = 1.08;
  std::int64_t pieces = 1;
  const auto waste = [&] {
    return static_cast<double>(divide_up(count * pieces, threads) * threads) /
           static_cast<double>(count * pieces);
  };
  while (pieces < most && waste() > kWaste) ++pieces;
  return pieces;
}

}  // namespace kissa::cpu
