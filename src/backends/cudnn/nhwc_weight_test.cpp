// Padded groups multiply the same channels by the same weights, and everything else by 0; no GPU
// and no cuDNN needed.
#include "backends/cudnn/nhwc_weight.h"

#include <gtest/gtest.h>

#include <numeric>

#include "backends/cpu/cpu.h"

namespace kissa::cudnn {
namespace {

struct Case {
  std::int64_t channels, outputs, groups, padded_groups;
};

class NhwcWeight : public testing::TestWithParam<Case> {};

TEST_P(NhwcWeight, IsTheSameConvolution) {
  const auto [channels, outputs, groups, wanted_groups] = GetParam();
  constexpr std::int64_t kTaps = 6;
  Convolution op;
  op.num_output = outputs;
  op.group = groups;
  op.kernel = {3, 2};
  const std::int64_t own_c = channels / groups;
  const std::int64_t own_k = outputs / groups;
  std::vector<float> weight(static_cast<std::size_t>(outputs * own_c * kTaps));
  std::iota(weight.begin(), weight.end(), 1.0f);

  const auto device = cpu::create_device(1);
  WeightArena arena(*device);
  const std::int64_t all = padded_groups(op, channels);
  EXPECT_EQ(all, wanted_groups);
  const auto* packed = static_cast<const float*>(
      pack_nhwc(arena, cuda::Number::kF32, op, {1, channels, 9, 9}, all, weight.data()));
  const std::int64_t packed_c = padded(channels) / all;
  const std::int64_t packed_k = padded(outputs) / all;
  for (std::int64_t k = 0; k < padded(outputs); ++k)
    for (std::int64_t c = 0; c < padded(channels); ++c)
      for (std::int64_t tap = 0; tap < kTaps; ++tap) {
        const bool is_own = k < outputs && c < channels && k / own_k == c / own_c;
        const float wanted =
            is_own ? weight[static_cast<std::size_t>((k * own_c + c % own_c) * kTaps + tap)] : 0.0f;
        const float got = k / packed_k == c / packed_c
                              ? packed[(k * kTaps + tap) * packed_c + c % packed_c]
                              : 0.0f;
        ASSERT_EQ(got, wanted) << "output " << k << ", channel " << c << ", tap " << tap;
      }
}

INSTANTIATE_TEST_SUITE_P(Groups, NhwcWeight,
                         testing::Values(Case{48, 33, 1, 1}, Case{32, 64, 2, 2},
                                         Case{40, 40, 40, 48}, Case{32, 64, 32, 32},
                                         Case{7, 7, 7, 16}, Case{24, 48, 4, 1}, Case{4, 6, 2, 1},
                                         Case{5, 10, 5, 1}));

}  // namespace
}  // namespace kissa::cudnn
