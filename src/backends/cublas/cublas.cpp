#include "backends/cublas/cublas.h"

#include "backends/cublas/library.h"
#include "backends/cublas/product.h"
#include "backends/cuda/plain.h"
#include "base/error.h"

namespace kissa::cublas {
namespace {

template <class Op, cuda::Program (*make)(cuda::Product, const Op&, const cuda::NodeView&)>
class ProductTactic final : public cuda::NodeTactic {
 public:
  explicit ProductTactic(std::string_view name) : name_(name) {}
  std::string_view name() const override { return name_; }

 private:
  std::optional<std::string> refuse_op(const Region& region) const override {
    if (region.only<Op>() == nullptr) return "another op";
    return std::nullopt;
  }
  cuda::Program program(const Region& region, const cuda::NodeView& node) const override {
    return make(run_gemm, *region.only<Op>(), node);
  }

  std::string_view name_;
};

struct List {
  explicit List(TacticList behind) : own(make_tactics()) {
    for (const auto& tactic : own) all.push_back(tactic.get());
    all.insert(all.end(), behind.begin(), behind.end());
  }
  std::vector<std::unique_ptr<const Tactic>> own;
  std::vector<const Tactic*> all;
};

}  // namespace

std::vector<std::unique_ptr<const Tactic>> make_tactics() {
  using ConvTactic = ProductTactic<Convolution, cuda::convolution_by>;
  using InnerProductTactic = ProductTactic<InnerProduct, cuda::inner_product_by>;
  std::vector<std::unique_ptr<const Tactic>> tactics;
  tactics.push_back(std::make_unique<ConvTactic>("cublas.conv.f32"));
  tactics.push_back(std::make_unique<InnerProductTactic>("cublas.inner_product.f32"));
  return tactics;
}

TacticList with_cublas(TacticList own, Mode mode) {
  if (mode != Mode::kCaffe || own.empty()) return own;
  if (!library().is_loaded && library().is_named)
    fail(ErrorCode::kDevice,
         "KISSA_CUBLAS: {}; name cuBLAS's library, libcublas.so.12 or 13, or say KISSA_CUBLAS=off",
         library().text);
  if (!library().is_loaded) return own;
  static const List kList(own);
  return kList.all;
}

std::vector<std::pair<std::string, std::string>> facts() { return {{"cuBLAS", library().text}}; }

}  // namespace kissa::cublas
