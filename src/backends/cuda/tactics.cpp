#include "backends/cuda/tactics.h"

#include <array>

#include "backends/cuda/cuda.h"
#include "backends/fallback.h"

namespace kissa::cuda {

TacticList fused_fp16_tactics() {
  struct Fp16Tactics {
    Fp16Tactics() {
      add_wide_tactics(own);
      add_stage_tactics(own);
      add_first_tactics(own);
      add_nhwc_tactics(own);
      for (const auto& tactic : own) list.push_back(tactic.get());
      own.push_back(std::make_unique<Fallback>(plain_tactic(), list));
      list.push_back(own.back().get());
    }
    std::vector<std::unique_ptr<const Tactic>> own;
    std::vector<const Tactic*> list;
  };
  static const Fp16Tactics kTactics;
  return kTactics.list;
}

TacticList tactics(Mode mode, Precision precision) {
  static const std::array<const Tactic*, 1> kCaffe = {&plain_tactic()};
  if (mode == Mode::kCaffe)
    return precision == Precision::kFp32 ? TacticList(kCaffe) : TacticList{};
  return precision == Precision::kFp16 ? fused_fp16_tactics() : TacticList{};
}

}  // namespace kissa::cuda
