// y = f(x), element by element, in blocks or rows. Where f(0) is not 0, the padding lanes of blocks
// are cleared behind it.
#include <cmath>

#include "backends/cpu/data_tactics.h"
#include "backends/cpu/parallel.h"

namespace kissa::cpu {
namespace {

// A function of taking an exp or log takes about as long as moving so many bytes.
constexpr std::int64_t kElementBytes = 16;

float log_of_base(float base) { return base == -1.0f ? 1.0f : std::log(base); }

UnaryOp unary_of(const Power& op) {
  if (op.power == 0.0f || op.scale == 0.0f) return {UnaryKind::kConstant, op.apply(0.0f), 0, 0};
  if (op.power == 1.0f) return {UnaryKind::kLinear, op.scale, op.shift, 0};
  if (op.power == 2.0f) return {UnaryKind::kSquare, op.scale, op.shift, 0};
  return {UnaryKind::kPower, op.scale, op.shift, op.power};
}

// The kernel's function for an op, if there is one.
template <class T>
std::optional<UnaryOp> unary_of(const T& op) {
  if constexpr (std::is_same_v<T, AbsVal>) return UnaryOp{UnaryKind::kAbs, 0, 0, 0};
  if constexpr (std::is_same_v<T, Bnll>) return UnaryOp{UnaryKind::kBnll, 0, 0, 0};
  if constexpr (std::is_same_v<T, Clip>) return UnaryOp{UnaryKind::kClip, op.min, op.max, 0};
  if constexpr (std::is_same_v<T, Elu>) return UnaryOp{UnaryKind::kElu, op.alpha, 0, 0};
  if constexpr (std::is_same_v<T, Exp>) {
    const float factor = log_of_base(op.base);
    return UnaryOp{UnaryKind::kExp, op.scale * factor, op.shift * factor, 0};
  }
  if constexpr (std::is_same_v<T, Log>)
    return UnaryOp{UnaryKind::kLog, op.scale, op.shift, 1.0f / log_of_base(op.base)};
  if constexpr (std::is_same_v<T, Relu>) return UnaryOp{UnaryKind::kRelu, op.negative_slope, 0, 0};
  if constexpr (std::is_same_v<T, Sigmoid>) return UnaryOp{UnaryKind::kSigmoid, 0, 0, 0};
  if constexpr (std::is_same_v<T, Swish>) return UnaryOp{UnaryKind::kSwish, op.beta, 0, 0};
  if constexpr (std::is_same_v<T, TanH>) return UnaryOp{UnaryKind::kTanh, 0, 0, 0};
  if constexpr (std::is_same_v<T, Threshold>)
    return UnaryOp{UnaryKind::kThreshold, op.threshold, 0, 0};
  return std::nullopt;
}

std::optional<UnaryOp> unary_of_op(const Op& op) {
  return std::visit([](const auto& kind) -> std::optional<UnaryOp> { return unary_of(kind); }, op);
}

bool keeps_zero(const Op& op) {
  return std::visit(
      []<class T>(const T& kind) {
        if constexpr (requires { kind.apply(0.0f); })
          return kind.apply(0.0f) == 0.0f;
        else
          return true;
      },
      op);
}

class RowsStep final : public Step {
 public:
  RowsStep(const ElementwiseKernels& kernels, const Region& region)
      : kernels_(kernels),
        op_(*unary_of_op(region.nodes[0].op)),
        count_(region.in(0).desc.shape.elements()) {}

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    auto* dst = static_cast<float*>(bindings.outputs[0]);
    parallel_for(stream, count_, kElementBytes, [&](std::int64_t begin, std::int64_t end) {
      kernels_.unary(op_, src + begin, dst + begin, end - begin);
    });
  }

 private:
  const ElementwiseKernels& kernels_;
  UnaryOp op_;
  std::int64_t count_;
};

class BlockedStep final : public Step {
 public:
  BlockedStep(const ElementwiseKernels& kernels, const Region& region)
      : kernels_(kernels),
        op_(*unary_of_op(region.nodes[0].op)),
        src_(region.in(0).desc),
        dst_(region.out(0).desc),
        clears_(src_.has_padding() && !keeps_zero(region.nodes[0].op)) {}

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const std::int64_t image = src_.blocks * src_.pixels();  // blocks of 16 floats
    parallel_for(stream, src_.images * image, kElementBytes * kChannelBlock,
                 [&](std::int64_t begin, std::int64_t end) {
                   for_each_group(begin, end, image,
                                  [&](std::int64_t n, std::int64_t first, std::int64_t last) {
                                    run_blocks(bindings, n, first, last);
                                  });
                 });
  }

 private:
  void run_blocks(const Bindings& bindings, std::int64_t image, std::int64_t first,
                  std::int64_t last) const noexcept {
    const auto* src = static_cast<const float*>(bindings.inputs[0]) + src_.offset(image, 0);
    auto* dst = static_cast<float*>(bindings.outputs[0]) + dst_.offset(image, 0);
    kernels_.unary(op_, src + first * kChannelBlock, dst + first * kChannelBlock,
                   (last - first) * kChannelBlock);
    if (!clears_) return;
    constexpr std::int64_t kPixelBytes = kChannelBlock * sizeof(float);
    const std::int64_t channel_bytes = kPixelBytes / src_.block_channels;
    const std::int64_t used = src_.channels_in(src_.blocks - 1) * channel_bytes;
    auto* bytes = reinterpret_cast<unsigned char*>(dst);
    for (std::int64_t i = std::max(first, (src_.blocks - 1) * src_.pixels()); i < last; ++i)
      std::fill(bytes + i * kPixelBytes + used, bytes + (i + 1) * kPixelBytes,
                static_cast<unsigned char>(0));
  }

  const ElementwiseKernels& kernels_;
  UnaryOp op_;
  BlockedTensor src_, dst_;
  bool clears_;
};

class ElementwiseTactic final : public KernelTactic {
 public:
  ElementwiseTactic(const Kernels& kernels, const Format& format)
      : KernelTactic(with_layout("cpu.elementwise", format.layout), kernels, format.type),
        format_(format) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.nodes.size() != 1 || !unary_of_op(region.nodes[0].op))
      return "not a single function of one element";
    return refuse_plain(region, format_.layout);
  }

  Requirements requirements(const Region& region) const override {
    return requirements_in(region, format_);
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    if (is_blocked(format_.layout))
      return std::make_unique<BlockedStep>(stored().elementwise, region);
    return std::make_unique<RowsStep>(stored().elementwise, region);
  }

 private:
  Format format_;
};

}  // namespace

void add_elementwise_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics) {
  for (const Format& format : formats_of(type))
    tactics.push_back(std::make_unique<ElementwiseTactic>(kernels, format));
}

}  // namespace kissa::cpu
