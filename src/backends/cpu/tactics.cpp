#include "backends/cpu/tactics.h"

#include <array>
#include <map>

#include "backends/cpu/cpu.h"
#include "backends/cpu/data_tactics.h"
#include "backends/fallback.h"

namespace kissa::cpu {
namespace {

// Tactics that are made for one table of kernels, and the list of all that go with it.
struct FusedTactics {
  explicit FusedTactics(const Kernels& kernels) {
    own.push_back(make_conv_first_winograd(kernels, nullptr));
    own.push_back(make_conv_first(kernels));
    own.push_back(make_conv_gemm(kernels));
    // Measured on Zen 4 with cold weights: F(4x4) loses to F(2x2) at 7x7, F(6x6) to F(4x4) below
    // 56x56.
    own.push_back(make_conv_winograd({kF4x3, "f4", 8}, kernels));
    own.push_back(make_conv_winograd({kF2x3, "f2", 1}, kernels));
    own.push_back(make_conv_winograd({kF6x3, "f6", 64}, kernels));
    own.push_back(make_conv_winograd({kF4x5, "f4_5x5", 1}, kernels));
    own.push_back(make_conv_depthwise(kernels));
    own.push_back(make_conv_direct(kernels));
    add_data_tactics(kernels, DataType::kF32, own);
    for (const auto& tactic : own) list.push_back(tactic.get());
    own.push_back(std::make_unique<Fallback>(reference(), list));
    list.push_back(own.back().get());
  }
  std::vector<std::unique_ptr<const Tactic>> own;
  std::vector<const Tactic*> list;
};

}  // namespace

TacticList fused_tactics(Isa isa) {
  static const std::map<const Kernels*, FusedTactics> kByTable = [] {
    std::map<const Kernels*, FusedTactics> map;
    for (const Kernels* kernels : kernels_up_to(host_isa())) map.try_emplace(kernels, *kernels);
    return map;
  }();
  return kByTable.at(kernels_up_to(std::min(isa, host_isa())).front()).list;
}

TacticList fused_bf16_tactics(Isa isa) {
  // Those of every table up to a level; FP32 runs what is left.
  struct Bf16Tactics {
    explicit Bf16Tactics(std::span<const Bf16Kernels* const> tables) {
      const Kernels& kernels = *kernels_up_to(host_isa()).front();
      for (const Bf16Kernels* bf16 : tables) {
        own.push_back(make_conv_first_flat(*bf16));
        if (bf16->products.pixels[0] > 0) {
          own.push_back(make_conv_first_winograd(kernels, bf16));
          own.push_back(make_conv_winograd({kF2x3, "f2", 1, bf16, true}, kernels));
          own.push_back(make_conv_winograd({kF4x5, "f4_5x5", 1, bf16}, kernels));
        }
        own.push_back(make_conv_flat(*bf16));
      }
      add_data_tactics(kernels, DataType::kBF16, own);
      for (const auto& tactic : own) list.push_back(tactic.get());
      const std::vector<const Tactic*> preferred = list;
      for (const Tactic* tactic : fused_tactics(host_isa())) {
        own.push_back(std::make_unique<Fallback>(*tactic, preferred));
        list.push_back(own.back().get());
      }
    }
    std::vector<std::unique_ptr<const Tactic>> own;
    std::vector<const Tactic*> list;
  };
  static const std::map<const Bf16Kernels*, Bf16Tactics> kByTable = [] {
    std::map<const Bf16Kernels*, Bf16Tactics> map;
    const auto tables = bf16_kernels_up_to(host_isa());
    for (std::size_t i = 0; i < tables.size(); ++i) map.try_emplace(tables[i], tables.subspan(i));
    return map;
  }();
  const auto tables = bf16_kernels_up_to(std::min(isa, host_isa()));
  return tables.empty() ? TacticList{} : kByTable.at(tables.front()).list;
}

TacticList tactics(Mode mode, Precision precision) {
  static const std::array<const Tactic*, 3> kCaffe = {&conv_im2col(), &inner_product_gemm(),
                                                      &reference()};
  if (mode == Mode::kCaffe)
    return precision == Precision::kFp32 ? TacticList(kCaffe) : TacticList{};
  switch (precision) {
    case Precision::kFp32: return fused_tactics(usable_isa());
    case Precision::kBf16: return fused_bf16_tactics(usable_isa());
    default: return {};
  }
}

}  // namespace kissa::cpu
