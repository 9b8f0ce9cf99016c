#include "backends/cpu/tactics.h"

#include <array>
#include <map>

#include "backends/cpu/conv_prelu.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/data_tactics.h"
#include "backends/fallback.h"

namespace kissa::cpu {
namespace {

using TacticPointers = std::vector<const Tactic*>;

// A list, and the tactics on it that are its own.
struct OwnList {
  OwnedTactics own;
  TacticPointers list;

  void take_own() {
    for (const auto& tactic : own) list.push_back(tactic.get());
  }
  // What runs only where no tactic of the list so far does.
  void add_fallbacks(TacticList tactics) {
    const TacticPointers preferred = list;
    for (const Tactic* tactic : tactics) {
      own.push_back(std::make_unique<Fallback>(*tactic, preferred));
      list.push_back(own.back().get());
    }
  }
};

void add_conv_tactics(const Kernels& kernels, const ConvStorage& storage, OwnedTactics& own) {
  own.push_back(with_prelu(make_conv_first_winograd(kernels, storage)));
  own.push_back(with_prelu(make_conv_first(kernels, storage)));
  own.push_back(with_prelu(make_conv_gemm(kernels, storage)));
  // Measured on Zen 4 with cold weights: F(4x4) loses to F(2x2) at 7x7, F(6x6) to F(4x4) below
  // 56x56.
  // Transformed for F(4x4), weights in FP16 would make the error of an output ten times as large.
  ConvStorage exact = storage;
  exact.weights = DataType::kF32;
  own.push_back(with_prelu(make_conv_winograd({kF4x3, "f4", 8, exact}, kernels)));
  own.push_back(with_prelu(make_conv_winograd({kF2x3, "f2", 1, storage}, kernels)));
  if (storage.type == DataType::kF32)
    own.push_back(with_prelu(make_conv_winograd({kF6x3, "f6", 64, storage}, kernels)));
  own.push_back(with_prelu(make_conv_winograd({kF4x5, "f4_5x5", 1, exact}, kernels)));
  own.push_back(with_prelu(make_conv_depthwise(kernels, storage)));
  own.push_back(with_prelu(make_conv_direct(kernels, storage)));
}

// Tactics that are made for one table of kernels.
struct Fp32Tactics : OwnList {
  explicit Fp32Tactics(const Kernels& kernels) {
    add_conv_tactics(kernels, {}, own);
    add_data_tactics(kernels, DataType::kF32, own);
    take_own();
    const Tactic* last = &reference();
    add_fallbacks({&last, 1});
  }
};

struct Fp16Tactics : OwnList {
  explicit Fp16Tactics(const Kernels& kernels, TacticList fp32) {
    add_conv_tactics(kernels, fp16_storage(kernels), own);
    add_data_tactics(kernels, DataType::kF16, own);
    take_own();
    add_fallbacks(fp32);
  }
};

const Kernels* best_kernels(Isa isa) { return kernels_up_to(std::min(isa, host_isa())).front(); }

}  // namespace

TacticList fused_tactics(Isa isa) {
  static const std::map<const Kernels*, Fp32Tactics> kByTable = [] {
    std::map<const Kernels*, Fp32Tactics> map;
    for (const Kernels* kernels : kernels_up_to(host_isa())) map.try_emplace(kernels, *kernels);
    return map;
  }();
  return kByTable.at(best_kernels(isa)).list;
}

TacticList fused_fp16_tactics(Isa isa) {
  static const std::map<const Kernels*, Fp16Tactics> kByTable = [] {
    std::map<const Kernels*, Fp16Tactics> map;
    for (int level = 0; level <= static_cast<int>(host_isa()); ++level) {
      const auto of_level = static_cast<Isa>(level);
      map.try_emplace(best_kernels(of_level), *best_kernels(of_level), fused_tactics(of_level));
    }
    return map;
  }();
  return kByTable.at(best_kernels(isa)).list;
}

TacticList fused_bf16_tactics(Isa isa) {
  // Those of every table up to a level; FP32 runs what is left.
  struct Bf16Tactics : OwnList {
    explicit Bf16Tactics(std::span<const Bf16Kernels* const> tables) {
      const Kernels& kernels = *kernels_up_to(host_isa()).front();
      for (const Bf16Kernels* bf16 : tables) {
        own.push_back(with_prelu(make_conv_first_flat(*bf16)));
        if (bf16->products.pixels[0] > 0) {
          const ConvStorage storage = bf16_storage(*bf16);
          own.push_back(with_prelu(make_conv_first_winograd(kernels, storage)));
          own.push_back(with_prelu(make_conv_winograd({kF2x3, "f2", 1, storage, bf16}, kernels)));
          own.push_back(with_prelu(make_conv_winograd({kF4x5, "f4_5x5", 1, storage}, kernels)));
        }
        own.push_back(with_prelu(make_conv_flat(*bf16)));
      }
      // All tables have the same halves. Groups are what FlatConv leaves.
      const ConvStorage storage = bf16_storage(*tables.back());
      own.push_back(with_prelu(make_conv_depthwise(kernels, storage)));
      TacticPointers preferred;
      for (const auto& tactic : own) preferred.push_back(tactic.get());
      grouped = with_prelu(make_conv_direct(kernels, storage));
      own.push_back(std::make_unique<Fallback>(*grouped, preferred));
      add_data_tactics(kernels, DataType::kBF16, own);
      take_own();
      add_fallbacks(fused_tactics(host_isa()));
    }
    std::unique_ptr<const Tactic> grouped;
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
    case Precision::kFp16: return fused_fp16_tactics(usable_isa());
    default: return {};
  }
}

}  // namespace kissa::cpu
