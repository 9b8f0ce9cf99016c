#include "backends/cudnn/nhwc_weight.h"

namespace kissa::cudnn {

std::int64_t padded_groups(const Convolution& op, std::int64_t channels) {
  if (op.group == 1) return 1;
  const std::int64_t in = channels / op.group;
  const std::int64_t out = op.num_output / op.group;
  const std::int64_t groups = padded(channels) / in;
  return groups * in == padded(channels) && groups * out == padded(op.num_output) ? groups : 1;
}

const void* pack_nhwc(WeightArena& weights, cuda::Number number, const Convolution& op,
                      const Shape& in, std::int64_t groups, const float* weight) {
  const std::int64_t taps = op.kernel[0] * op.kernel[1];
  const std::int64_t packed_c = padded(in[1]) / groups;
  const std::int64_t own_c = in[1] / op.group;
  const std::int64_t own_k = op.num_output / op.group;
  return pack_numbers(weights, number, padded(op.num_output) * taps * packed_c,
                      [=, &op](std::int64_t place) {
                        const std::int64_t tap = place / packed_c % taps;
                        const std::int64_t k = place / packed_c / taps;
                        // Where groups became one, each has its own channels.
                        const std::int64_t first = groups == 1 ? k / own_k * own_c : 0;
                        const std::int64_t c = place % packed_c - first;
                        if (k >= op.num_output || c < 0 || c >= own_c) return 0.0f;
                        return weight[(k * own_c + c) * taps + tap];
                      });
}

}  // namespace kissa::cudnn
