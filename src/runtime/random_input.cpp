#include "runtime/random_input.h"

#include <algorithm>
#include <random>
#include <vector>

namespace kissa::runtime {

void fill_inputs(Context& context, const Plan& plan) {
  constexpr std::int64_t kPeriod = 100'003;  // random numbers take longer than many a network
  std::mt19937 random(1);
  std::normal_distribution<float> value(0.0f, 50.0f);
  std::vector<float> values(kPeriod);
  for (float& each : values) each = value(random);
  for (std::size_t i = 0; i < plan.graph->inputs().size(); ++i) {
    const std::int64_t count = plan.graph->value(plan.graph->inputs()[i]).shape.elements();
    for (std::int64_t start = 0; start < count; start += kPeriod)
      std::copy_n(values.data(), std::min(kPeriod, count - start), context.input(i) + start);
  }
}

}  // namespace kissa::runtime
