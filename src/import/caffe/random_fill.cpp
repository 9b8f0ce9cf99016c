#include "import/caffe/random_fill.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace kissa::caffe {
namespace {

// FNV-1a; std::hash differs between platforms.
std::uint64_t hash(std::uint64_t state, std::string_view text) {
  for (const char letter : text)
    state = (state ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  return state;
}

// The weights that one output element sums over: all but the first axis.
double fan_in(const Shape& shape) {
  return static_cast<double>(
      std::max<std::int64_t>(1, shape.rank() > 1 ? shape.product(1, shape.rank()) : 1));
}

struct Range {
  float low;
  float high;
};

Range range_of(const Shape& shape, std::string_view name) {
  if (name == "mean") return {0.0f, 0.0f};
  if (name == "variance" || name == "scale_factor") return {1.0f, 1.0f};
  if (name == "slope") return {0.2f, 0.3f};
  if (name == "scale") return {0.9f, 1.1f};
  if (name.starts_with("bias")) return {-0.05f, 0.05f};
  const auto bound = static_cast<float>(std::sqrt(3.0 / fan_in(shape)));
  return {-bound, bound};
}

}  // namespace

void fill_randomly(std::span<float> out, const Shape& shape, std::string_view name,
                   std::uint64_t seed, std::string_view layer, int index) {
  // The distributions of <random> differ between platforms, its generators do not.
  std::mt19937_64 generator(hash(seed ^ 0xcbf29ce484222325u, layer) +
                            static_cast<std::uint64_t>(index));
  const Range range = range_of(shape, name);
  for (float& number : out) {
    const auto unit = static_cast<float>(generator() >> 40) * 0x1p-24f;  // [0, 1)
    number = range.low + (range.high - range.low) * unit;
  }
}

}  // namespace kissa::caffe
