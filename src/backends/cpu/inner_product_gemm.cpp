// InnerProduct the way BVLC Caffe's CPU path computes it: y (M x N) = x (M x K) * w^T, then y +=
// bias.
#include "backends/cpu/blas.h"
#include "backends/cpu/tactics.h"

namespace kissa::cpu {
namespace {

class InnerProductStep final : public Step {
 public:
  InnerProductStep(std::int64_t m, std::int64_t n, std::int64_t k, bool transpose,
                   const float* weight, const float* bias)
      : m_(m), n_(n), k_(k), transpose_(transpose), weight_(weight), bias_(bias) {}

  void run(const Bindings& bindings, Stream& stream) const noexcept override {
    const auto* x = static_cast<const float*>(bindings.inputs[0]);
    auto* y = static_cast<float*>(bindings.outputs[0]);
    set_blas_threads(stream);
    if (m_ == 1)
      gemv(n_, k_, weight_, transpose_, x, y);
    else
      gemm(m_, n_, k_, x, weight_, !transpose_, y);
    if (bias_ == nullptr) return;
    for (std::int64_t i = 0; i < m_; ++i)
      for (std::int64_t j = 0; j < n_; ++j) y[i * n_ + j] += bias_[j];
  }

 private:
  std::int64_t m_, n_, k_;
  bool transpose_;  // the weight is K x N, not N x K
  const float* weight_;
  const float* bias_;
};

class InnerProductGemm final : public Tactic {
 public:
  std::string_view name() const override { return "cpu.inner_product.gemm.f32"; }

  std::optional<std::string> refuse(const Region& region) const override {
    if (region.only<InnerProduct>() == nullptr) return "not a single inner product";
    if (region.inputs.size() != 1) return "its input is a constant";
    if (!region.nodes[0].epilogue.empty()) return "it has an epilogue";
    const Shape& in = region.in(0).desc.shape;
    if (in.elements() == 0) return "its input is empty";
    if (!fits_blas(in.elements()) || !fits_blas(region.out(0).desc.shape.elements()))
      return "a matrix is too large for BLAS";
    return std::nullopt;
  }

  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    const auto& op = *region.only<InnerProduct>();
    const Shape& in = region.in(0).desc.shape;
    const int axis = in.canonical_axis(op.axis);
    return std::make_unique<InnerProductStep>(
        in.product(0, axis), op.num_output, in.product(axis, in.rank()), op.transpose,
        region.param(0).constant, op.has_bias ? region.param(1).constant : nullptr);
  }
};

}  // namespace

const Tactic& inner_product_gemm() {
  static const InnerProductGemm kTactic;
  return kTactic;
}

}  // namespace kissa::cpu
