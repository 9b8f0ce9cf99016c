// InnerProduct with weights packed into panels of outputs, in FP32, BF16 or FP16. A blocked input
// is read as it lies: the weights' rows are packed in its order, with zeros for its padding lanes.
// One in 16 bits is widened first, once for all panels.
#include "backends/cpu/conv_bf16.h"
#include "backends/cpu/data_tactics.h"
#include "backends/cpu/parallel.h"

namespace kissa::cpu {
namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Where each float of one row of the input stands in the op's K; -1: a padding lane.
std::vector<std::int64_t> depth_order(const TensorDesc& in, int axis) {
  std::vector<std::int64_t> order;
  if (!is_blocked(in.format.layout)) {
    for (std::int64_t k = 0; k < in.shape.product(axis, in.shape.rank()); ++k) order.push_back(k);
    return order;
  }
  const BlockedTensor x(in);
  for (std::int64_t first = 0; first < x.channels; first += x.block_channels)
    for (std::int64_t i = 0; i < x.pixels(); ++i)
      for (std::int64_t c = first; c < first + x.block_channels; ++c)
        order.push_back(c < x.channels ? c * x.pixels() + i : -1);
  return order;
}

// The weights: data[n * output + k * depth].
struct WeightView {
  const float* data;
  std::int64_t output, depth;
};

// Outputs [first, first + count), in stretches of K, so that both sides stay in cache.
void pack_panel(const WeightView& weight, const std::vector<std::int64_t>& order,
                std::int64_t first, std::int64_t count, std::int64_t width, float* dst) {
  constexpr std::int64_t kStretch = 256;
  for (std::int64_t begin = 0; begin < std::ssize(order); begin += kStretch) {
    const std::int64_t end = std::min(begin + kStretch, std::ssize(order));
    for (std::int64_t n = 0; n < count; ++n) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t k = order[static_cast<std::size_t>(i)];
        if (k >= 0)
          dst[i * width + n] = weight.data[(first + n) * weight.output + k * weight.depth];
      }
    }
  }
}

auto run_of(const InnerProductKernels& kernels, DataType weights) {
  switch (weights) {
    case DataType::kBF16: return kernels.run_bf16;
    case DataType::kF16: return kernels.run_fp16;
    default: return kernels.run;
  }
}

class PanelStep final : public Step {
 public:
  PanelStep(const Kernels& kernels, const Region& region, DataType weights,
            const PrepareContext& context)
      : lanes_(kernels.lanes),
        panel_(kernels.inner_product.panel),
        weights_(weights),
        widen_((weights == DataType::kBF16 ? kernels.bf16 : kernels.f16).reorder.widen),
        run_(run_of(kernels.inner_product, weights)) {
    const auto& op = *region.only<InnerProduct>();
    const Region::Node& node = region.nodes[0];
    const TensorDesc& in = region.in(0).desc;
    const int axis = in.shape.canonical_axis(op.axis);
    const auto order = depth_order(in, axis);
    input_ = input_binding(region, node.inputs[0]);
    if (node.epilogue.has_residual) residual_ = input_binding(region, node.inputs.back());
    rows_ = in.shape.product(0, axis);
    depth_ = std::ssize(order);
    src_row_ = is_blocked(in.format.layout) ? BlockedTensor(in).image_stride : depth_;
    is_widened_ = in.format.type != DataType::kF32;
    outputs_ = op.num_output;
    activation_ = activation_of(node.epilogue);
    pack(region, order, context.weights);
  }

  std::int64_t workspace_bytes() const override {
    return is_widened_ ? rows_ * depth_ * size_of(DataType::kF32) : 0;
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    if (is_widened_) widen(bindings, stream);
    const std::int64_t panels = divide_up(outputs_, panel_);
    const std::int64_t chunks = divide_up(rows_, kInnerProductRows);
    // Chunks of one panel follow each other: they share its weights.
    parallel_for(stream, panels * chunks, panel_floats() * 4,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i)
                     run_tile(bindings, i / chunks, i % chunks, chunks);
                 });
  }

 private:
  // The input to FP32, in the workspace.
  void widen(const Bindings& bindings, Stream& stream) const noexcept {
    const auto* src = static_cast<const float*>(bindings.inputs[input_]);
    auto* dst = static_cast<float*>(bindings.workspace);
    constexpr std::int64_t kChannels = block_channels(Layout::kBlocked32);
    const std::int64_t pixels = depth_ / kChannels;  // of all blocks of an image
    const auto body = [&](std::int64_t begin, std::int64_t end) {
      for_each_group(begin, end, pixels, [&](std::int64_t row, auto first, auto last) {
        float* to = dst + row * depth_ + first * kChannels;
        widen_(src + row * src_row_ + first * kChannelBlock, last - first,
               {.low = to, .high = to + kChannelBlock, .step = kChannels});
      });
    };
    parallel_for(stream, rows_ * pixels, kChannels * 6, body);
  }

  // Panel by panel: the bias, then the weights.
  std::int64_t panel_floats() const { return panel_ + depth_ * row_floats(); }
  std::int64_t row_floats() const { return panel_ * size_of(weights_) / size_of(DataType::kF32); }

  void pack(const Region& region, const std::vector<std::int64_t>& order, WeightArena& arena) {
    const auto& op = *region.only<InnerProduct>();
    const float* bias = op.has_bias ? region.param(1).constant : nullptr;
    const WeightView weight = {.data = region.param(0).constant,
                               .output = op.transpose ? 1 : region.param(0).desc.shape[1],
                               .depth = op.transpose ? outputs_ : 1};
    const std::int64_t panels = divide_up(outputs_, panel_);
    const auto write = [&](void* memory) {
      auto* next = static_cast<float*>(memory);
      std::vector<float> rows(static_cast<std::size_t>(depth_ * panel_));
      for (std::int64_t first = 0; first < outputs_; first += panel_, next += panel_floats()) {
        const std::int64_t count = std::min(panel_, outputs_ - first);
        std::fill(next, next + panel_, 0.0f);
        if (bias != nullptr) std::copy_n(bias + first, count, next);
        std::fill(rows.begin(), rows.end(), 0.0f);
        pack_panel(weight, order, first, count, panel_, rows.data());
        write_rows(rows, next + panel_);
      }
    };
    packed_ = static_cast<const float*>(arena.add(panels * panel_floats() * 4, write));
  }

  void write_rows(const std::vector<float>& rows, float* dst) const {
    if (weights_ == DataType::kF32) {
      std::copy(rows.begin(), rows.end(), dst);
    } else if (weights_ == DataType::kF16) {
      to_fp16(rows, dst);
    } else {
      const std::int64_t vecs = panel_ / lanes_;
      for (std::int64_t k = 0; k < depth_; ++k)
        to_pairs(rows.data() + k * panel_, vecs, lanes_, vecs / 2, dst + k * panel_ / 2);
    }
  }

  void run_tile(const Bindings& bindings, std::int64_t panel, std::int64_t chunk,
                std::int64_t chunks) const noexcept {
    const std::int64_t first = rows_ * chunk / chunks;
    const std::int64_t output = panel * panel_;
    const std::int64_t at = first * outputs_ + output;
    const float* packed = packed_ + panel * panel_floats();
    const auto* residual =
        residual_ ? static_cast<const float*>(bindings.inputs[*residual_]) + at : nullptr;
    const std::int64_t src_row = is_widened_ ? depth_ : src_row_;
    const void* src = is_widened_ ? bindings.workspace : bindings.inputs[input_];
    run_({.src = static_cast<const float*>(src) + first * src_row,
          .src_row = src_row,
          .rows = rows_ * (chunk + 1) / chunks - first,
          .depth = depth_,
          .weight = packed + panel_,
          .bias = packed,
          .residual = residual,
          .dst = static_cast<float*>(bindings.outputs[0]) + at,
          .dst_row = outputs_,
          .outputs = static_cast<int>(std::min(panel_, outputs_ - output)),
          .activation = activation_});
  }

  std::int64_t lanes_, panel_;
  DataType weights_;
  void (*widen_)(const float*, std::int64_t, const MutableWideBlocks&) noexcept;
  void (*run_)(const InnerProductTile&) noexcept;
  std::size_t input_ = 0;
  std::optional<std::size_t> residual_;
  std::int64_t rows_ = 0;
  std::int64_t depth_ = 0;
  std::int64_t src_row_ = 0;  // as it flows in
  bool is_widened_ = false;
  std::int64_t outputs_ = 0;
  ActivationParams activation_ = {};
  const float* packed_ = nullptr;
};

class InnerProductPanels final : public KernelTactic {
 public:
  InnerProductPanels(const Kernels& kernels, DataType weights, const Format& format)
      : KernelTactic(stem_for(format.layout), kernels, weights), format_(format) {}

  std::optional<std::string> refuse(const Region& region) const override {
    const auto* op = region.only<InnerProduct>();
    if (op == nullptr) return "not a single inner product";
    if (auto reason = refuse_flow(region)) return reason;
    const Shape& in = region.in(0).desc.shape;
    if (is_blocked(format_.layout) && (in.rank() != 4 || in.canonical_axis(op->axis) != 1))
      return "its rows are not the images of N, C, H, W";
    return std::nullopt;
  }

  Requirements requirements(const Region& region) const override {
    Requirements need = requirements_in(region, Layout::kRowMajor);
    need.inputs[input_binding(region, region.nodes[0].inputs[0])] = format_;
    return need;
  }

  std::unique_ptr<Step> prepare(const Region& region,
                                const PrepareContext& context) const override {
    return std::make_unique<PanelStep>(kernels(), region, type(), context);
  }

 private:
  static std::string stem_for(Layout layout) {
    std::string stem = "cpu.inner_product.panels";
    switch (layout) {
      case Layout::kRowMajor: return stem;
      case Layout::kBlocked16: return stem + "_blocked";
      case Layout::kBlocked32: return stem + "_blocked32";
      case Layout::kNhwc: break;
    }
    return stem;
  }

  Format format_;  // of what flows in
};

}  // namespace

void add_inner_product_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics) {
  std::vector<Format> formats = {kBlockedF32, Format{}};
  if (type != DataType::kF32) formats.insert(formats.begin(), blocked_format(type));
  for (const Format& format : formats)
    tactics.push_back(std::make_unique<InnerProductPanels>(kernels, type, format));
}

}  // namespace kissa::cpu
