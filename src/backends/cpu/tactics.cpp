#include "backends/cpu/tactics.h"

#include <array>

#include "backends/cpu/cpu.h"

namespace kissa::cpu {

TacticList tactics(Mode mode, Precision precision) {
  static const std::array<const Tactic*, 3> kCaffe = {&conv_im2col(), &inner_product_gemm(),
                                                      &reference()};
  if (mode == Mode::kCaffe && precision == Precision::kFp32) return kCaffe;
  return {};
}

}  // namespace kissa::cpu
