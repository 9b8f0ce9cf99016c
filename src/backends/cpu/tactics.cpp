#include "backends/cpu/tactics.h"

#include <array>
#include <map>

#include "backends/cpu/cpu.h"

namespace kissa::cpu {
namespace {

// Tactics that are made for one table of kernels, and the list of all that go with it.
struct FusedTactics {
  explicit FusedTactics(const Kernels& kernels) {
    own.push_back(make_conv_gemm(kernels));
    for (const auto& tactic : own) list.push_back(tactic.get());
    list.push_back(&reference());
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

TacticList tactics(Mode mode, Precision precision) {
  static const std::array<const Tactic*, 3> kCaffe = {&conv_im2col(), &inner_product_gemm(),
                                                      &reference()};
  if (mode == Mode::kCaffe && precision == Precision::kFp32) return kCaffe;
  return {};
}

}  // namespace kissa::cpu
