#include "backends/cuda/tactics.h"

#include <array>

#include "backends/cuda/cuda.h"

namespace kissa::cuda {

TacticList tactics(Mode mode, Precision precision) {
  static const std::array<const Tactic*, 1> kCaffe = {&plain_tactic()};
  if (mode == Mode::kCaffe && precision == Precision::kFp32) return kCaffe;
  return {};
}

}  // namespace kissa::cuda
