// Softmax of row-major tensors, along any axis.
#include "backends/cpu/data_tactics.h"
#include "backends/cpu/parallel.h"

namespace kissa::cpu {
namespace {

// exp takes about as long as moving so many bytes.
constexpr std::int64_t kExpBytes = 32;
// Neighbouring columns that one call takes.
constexpr std::int64_t kColumns = 64;

class SoftmaxStep final : public Step {
 public:
  SoftmaxStep(const Kernels& kernels, const Region& region) : kernels_(kernels.softmax) {
    const Shape& shape = region.in(0).desc.shape;
    const int axis = shape.canonical_axis(region.only<Softmax>()->axis);
    outer_ = shape.product(0, axis);
    extent_ = shape[axis];
    inner_ = shape.product(axis + 1, shape.rank());
  }

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const auto* src = static_cast<const float*>(bindings.inputs[0]);
    auto* dst = static_cast<float*>(bindings.outputs[0]);
    const std::int64_t groups = (inner_ + kColumns - 1) / kColumns;
    const std::int64_t bytes = extent_ * std::min(inner_, kColumns) * kExpBytes;
    parallel_for(stream, outer_ * groups, bytes, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = i % groups * kColumns;
        const std::int64_t at = i / groups * extent_ * inner_ + first;
        if (inner_ == 1)
          kernels_.row(src + at, dst + at, extent_);
        else
          kernels_.columns(src + at, dst + at, extent_, inner_, std::min(kColumns, inner_ - first));
      }
    });
  }

 private:
  const SoftmaxKernels& kernels_;
  std::int64_t outer_, extent_, inner_;
};

class SoftmaxTactic final : public KernelTactic {
 public:
  explicit SoftmaxTactic(const Kernels& kernels) : KernelTactic("cpu.softmax", kernels) {}

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.only<Softmax>() == nullptr) return "not a single softmax";
    return refuse_plain(region, Layout::kRowMajor);
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<SoftmaxStep>(kernels(), region);
  }
};

}  // namespace

void add_softmax_tactics(const Kernels& kernels, OwnedTactics& tactics) {
  tactics.push_back(std::make_unique<SoftmaxTactic>(kernels));
}

}  // namespace kissa::cpu
