#include "backends/cuda/tactics.h"

#include <array>

#include "backends/cuda/cuda.h"
#include "backends/fallback.h"

namespace kissa::cuda {

TacticList fused_tactics(Number number) {
  struct Fused {
    explicit Fused(Number number) {
      add_wide_tactics(number, own);
      add_stage_tactics(number, own);
      add_first_tactics(number, own);
      add_nhwc_tactics(number, own);
      for (const auto& tactic : own) list.push_back(tactic.get());
      own.push_back(std::make_unique<Fallback>(plain_tactic(), list));
      list.push_back(own.back().get());
    }
    std::vector<std::unique_ptr<const Tactic>> own;
    std::vector<const Tactic*> list;
  };
  static const Fused kF16(Number::kF16);
  static const Fused kTf32(Number::kTf32);
  static const Fused kF32(Number::kF32);
  switch (number) {
    case Number::kF16: return kF16.list;
    case Number::kTf32: return kTf32.list;
    case Number::kF32: return kF32.list;
  }
  return {};
}

TacticList tactics(Mode mode, Precision precision) {
  static const std::array<const Tactic*, 1> kCaffe = {&plain_tactic()};
  if (mode == Mode::kCaffe)
    return precision == Precision::kFp32 ? TacticList(kCaffe) : TacticList{};
  switch (precision) {
    case Precision::kFp32: return fused_tactics(Number::kF32);
    case Precision::kTf32: return fused_tactics(Number::kTf32);
    case Precision::kFp16: return fused_tactics(Number::kF16);
    case Precision::kBf16:
    case Precision::kInt8: break;
  }
  return {};
}

}  // namespace kissa::cuda
