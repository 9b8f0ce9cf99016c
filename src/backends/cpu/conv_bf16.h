// Weights of BF16 kernels: pairs of neighbouring channels in the place of floats (kernels/bf16.h).
#pragma once

#include <cstdint>
#include <string>

#include "backends/cpu/kernel_tactic.h"
#include "backends/cpu/kernels/bf16.h"

namespace kissa::cpu {

// Pairs that stand for so many channels.
constexpr std::int64_t pairs_of(std::int64_t channels, const Bf16Kernels& kernels) {
  const std::int64_t unit = 2 * kernels.pairs_multiple;
  return (channels + unit - 1) / unit * kernels.pairs_multiple;
}

// Rounds `channels` rows of `row` floats to nearest even: `count` rows of pairs, zeros where there
// is no channel.
void to_pairs(const float* rows, std::int64_t channels, std::int64_t row, std::int64_t count,
              float* pairs);

// A tactic that multiplies in BF16 what is stored as FP32 in kBlocked16.
class Bf16Tactic : public Tactic {
 public:
  Bf16Tactic(const std::string& stem, const Kernels& kernels, const Bf16Kernels& bf16)
      : kernels_(kernels), bf16_(bf16), name_(stem + ".bf16." + bf16.isa) {}

  std::string_view name() const final { return name_; }
  Requirements requirements(const Region& region) const final {
    return requirements_in(region, Layout::kBlocked16);
  }

 protected:
  const Kernels& kernels_;
  const Bf16Kernels& bf16_;

 private:
  std::string name_;
};

}  // namespace kissa::cpu
