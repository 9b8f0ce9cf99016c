// How a convolution of any groups becomes one of whole blocks of channels.
#pragma once

#include "backends/cuda/nhwc.h"

namespace kissa::cudnn {

inline std::int64_t padded(std::int64_t channels) {
  return channel_blocks(channels) * kChannelBlock;
}

// Into how many groups a convolution of padded channels falls: those it has, and further ones of
// zeros, or one, its weights 0 between what were groups.
std::int64_t padded_groups(const Convolution& op, std::int64_t channels);

// The weight (K, C of a group, R, S) as padded K, R, S, padded C of one of these groups.
const void* pack_nhwc(WeightArena& weights, cuda::Number number, const Convolution& op,
                      const Shape& in, std::int64_t groups, const float* weight);

}  // namespace kissa::cudnn
