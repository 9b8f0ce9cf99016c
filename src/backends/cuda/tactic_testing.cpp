#include "backends/cuda/tactic_testing.h"

#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>

#include "backends/cuda/cuda.h"

namespace kissa::cuda {
namespace {

using cpu::Floats;
using cpu::Tolerance;
using cpu::Trial;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// A tensor on the GPU, inside of larger memory, and that memory's image on the host.
class Memory {
 public:
  explicit Memory(const TensorDesc& desc) : desc_(desc) {
    bytes_.assign(static_cast<std::size_t>(2 * kGap + extent() * size_of(desc.format.type)),
                  kGuard);
    buffer_ = test_device().allocate(static_cast<std::int64_t>(bytes_.size()));
  }

  void fill(const Floats& values) {
    for_each([&](std::int64_t element, std::int64_t place) {
      set(place, element < 0 ? 0.0f : values[static_cast<std::size_t>(element)]);
    });
    upload();
  }
  void poison() {
    for_each([&](std::int64_t, std::int64_t place) { set(place, kNan); });
    upload();
  }
  Floats read() {
    test_stream().copy(bytes_.data(), buffer_->data(), static_cast<std::int64_t>(bytes_.size()));
    test_stream().synchronize();
    Floats values(static_cast<std::size_t>(desc_.shape.elements()));
    for_each([&](std::int64_t element, std::int64_t place) {
      if (element >= 0) values[static_cast<std::size_t>(element)] = get(place);
    });
    return values;
  }
  // Whether everything around the tensor is as it was, and padding lanes are zero; after read().
  bool is_intact() const {
    std::vector<unsigned char> seen = bytes_;
    bool padding_is_zero = true;
    for_each([&](std::int64_t element, std::int64_t place) {
      if (element < 0 && get(place) != 0.0f) padding_is_zero = false;
      std::memset(seen.data() + offset(place), kGuard,
                  static_cast<std::size_t>(size_of(desc_.format.type)));
    });
    return padding_is_zero &&
           std::all_of(seen.begin(), seen.end(), [](unsigned char byte) { return byte == kGuard; });
  }
  void* data() { return static_cast<char*>(buffer_->data()) + kGap; }

 private:
  static constexpr unsigned char kGuard = 0x5a;
  static constexpr std::int64_t kGap = 256;

  bool is_nhwc() const { return desc_.format.layout == Layout::kNhwc; }

  std::int64_t extent() const {
    const Shape& s = desc_.shape;
    return is_nhwc() ? s[0] * s[2] * s[3] * desc_.pixel_stride : s.elements();
  }

  // visit(element, place): where each element of row-major order lies; -1 for a padding lane.
  template <class Visit>
  void for_each(Visit visit) const {
    const Shape& s = desc_.shape;
    if (!is_nhwc()) {
      for (std::int64_t i = 0; i < s.elements(); ++i) visit(i, i);
      return;
    }
    const std::int64_t plane = s[2] * s[3];
    for (std::int64_t n = 0; n < s[0]; ++n)
      for (std::int64_t i = 0; i < plane; ++i)
        for (std::int64_t c = 0; c < channel_blocks(s[1]) * kChannelBlock; ++c)
          visit(c < s[1] ? (n * s[1] + c) * plane + i : -1,
                (n * plane + i) * desc_.pixel_stride + c);
  }

  std::size_t offset(std::int64_t place) const {
    return static_cast<std::size_t>(kGap + place * size_of(desc_.format.type));
  }
  void set(std::int64_t place, float value) {
    const __half half = __float2half_rn(value);
    const bool is_half = desc_.format.type == DataType::kF16;
    std::memcpy(bytes_.data() + offset(place),
                is_half ? static_cast<const void*>(&half) : static_cast<const void*>(&value),
                is_half ? sizeof half : sizeof value);
  }
  float get(std::int64_t place) const {
    if (desc_.format.type == DataType::kF16) {
      __half half;
      std::memcpy(static_cast<void*>(&half), bytes_.data() + offset(place), sizeof half);
      return __half2float(half);
    }
    float value = 0.0f;
    std::memcpy(&value, bytes_.data() + offset(place), sizeof value);
    return value;
  }
  void upload() {
    test_stream().copy(buffer_->data(), bytes_.data(), static_cast<std::int64_t>(bytes_.size()));
    test_stream().synchronize();
  }

  TensorDesc desc_;
  std::vector<unsigned char> bytes_;
  std::unique_ptr<Buffer> buffer_;
};

TensorDesc& desc_of(Region& region, int value) {
  return region.values[static_cast<std::size_t>(value)].desc;
}

// Binds output 0 to input 0 where `in_place`. Gives the outputs.
std::vector<Floats> run_once(const Tactic& tactic, Trial& trial, bool in_place) {
  Region& region = trial.region;
  std::vector<Memory> inputs;
  std::vector<Memory> outputs;
  std::vector<void*> in;
  std::vector<void*> out;
  for (std::size_t i = 0; i < region.inputs.size(); ++i) {
    inputs.emplace_back(desc_of(region, region.inputs[i])).fill(trial.inputs[i]);
    in.push_back(inputs.back().data());
  }
  for (const int value : region.outputs) {
    outputs.emplace_back(desc_of(region, value)).poison();
    out.push_back(outputs.back().data());
  }
  if (in_place) out[0] = in[0];

  WeightArena arena(test_device());
  const auto step = tactic.prepare(region, {arena, 1});
  const auto workspace = test_device().allocate(step->workspace_bytes() + 64);
  std::vector<unsigned char> noise(static_cast<std::size_t>(workspace->bytes()), 0xff);
  test_stream().copy(workspace->data(), noise.data(), workspace->bytes());
  step->run({in, out, workspace->data()}, test_stream());
  test_stream().synchronize();

  std::vector<Floats> got;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Memory& memory = in_place && i == 0 ? inputs[0] : outputs[i];
    got.push_back(memory.read());
    EXPECT_TRUE(memory.is_intact()) << "output " << i << ": wrote outside, or into padding lanes";
  }
  test_stream().copy(noise.data(), workspace->data(), workspace->bytes());
  test_stream().synchronize();
  EXPECT_TRUE(std::all_of(noise.end() - 64, noise.end(), [](unsigned char byte) {
    return byte == 0xff;
  })) << "wrote behind the workspace";
  return got;
}

void expect_outputs(const std::vector<Floats>& got, const Trial& trial,
                    const Tolerance& tolerance) {
  for (std::size_t i = 0; i < got.size(); ++i)
    cpu::expect_close(got[i], trial.expected[i], tolerance);
}

// Gives NHWC tensors gaps between their pixels.
void spread_pixels(Region& region) {
  std::int64_t gap = 16;
  for (const auto* values : {&region.inputs, &region.outputs}) {
    for (const int value : *values) {
      TensorDesc& desc = desc_of(region, value);
      if (desc.format.layout != Layout::kNhwc) continue;
      desc.pixel_stride = channel_blocks(desc.shape[1]) * kChannelBlock + gap;
      gap += 16;
    }
  }
}

}  // namespace

const std::vector<OpCase>& cases() {
  static const std::vector<OpCase> kCases = [] {
    const char* folder = std::getenv("KISSA_CASES");
    return read_all_cases(folder != nullptr ? folder : KISSA_CASES_DIR);
  }();
  return kCases;
}

std::uint32_t seed() {
  static const std::uint32_t kSeed = [] {
    const char* given = std::getenv("KISSA_SEED");
    const auto value =
        given != nullptr ? static_cast<std::uint32_t>(std::atoi(given)) : std::random_device()();
    fmt::print("KISSA_SEED={}\n", value);
    return value;
  }();
  return kSeed;
}

Device& test_device() {
  static const std::unique_ptr<Device> kDevice = create_device({});
  return *kDevice;
}

Stream& test_stream() {
  static const std::unique_ptr<Stream> kStream = test_device().create_stream();
  return *kStream;
}

std::int64_t reduction_length(const Region& region) {
  std::int64_t longest = 1;
  for (const Region::Node& node : region.nodes) {
    const Shape& in = region.value(node.inputs[0]).desc.shape;
    if (const auto* conv = std::get_if<Convolution>(&node.op))
      longest = std::max(longest, region.value(node.params[0]).desc.shape.elements() /
                                      std::max<std::int64_t>(conv->num_output, 1));
    else if (const auto* product = std::get_if<InnerProduct>(&node.op))
      longest = std::max(longest, region.value(node.params[0]).desc.shape.elements() /
                                      std::max<std::int64_t>(product->num_output, 1));
    else if (const auto* pool = std::get_if<Pooling>(&node.op))
      longest = std::max(longest, pool->kernel_on(in)[0] * pool->kernel_on(in)[1]);
    else if (const auto* lrn = std::get_if<Lrn>(&node.op))
      longest = std::max<std::int64_t>(longest, lrn->size);
  }
  return longest;
}

Tolerance tolerance_of(Number number, std::int64_t length) {
  // FP16 and TF32 keep 11 bits, the halves of a float together 22.
  const double unit = number == Number::kF32 ? 0x1p-21 : 0x1p-11;
  return {4.0 * unit, 3.0 * unit + 0x1p-23 * std::sqrt(static_cast<double>(length))};
}

void run_trial(const Tactic& tactic, Trial trial, const Tolerance& tolerance) {
  SCOPED_TRACE(fmt::format("{} by {}", trial.name, tactic.name()));
  Region& region = trial.region;
  spread_pixels(region);
  expect_outputs(run_once(tactic, trial, false), trial, tolerance);
  if (region.nodes.size() != 1 || !is_elementwise(region.nodes[0].op)) return;
  TensorDesc& in = desc_of(region, region.nodes[0].inputs[0]);
  const TensorDesc& out = desc_of(region, region.nodes[0].outputs[0]);
  if (in.format != out.format || in.shape != out.shape) return;
  in.pixel_stride = out.pixel_stride;
  SCOPED_TRACE("in place");
  expect_outputs(run_once(tactic, trial, true), trial, tolerance);
}

double mean_error(const Tactic& tactic, Trial trial) {
  spread_pixels(trial.region);
  const std::vector<Floats> got = run_once(tactic, trial, false);
  double errors = 0.0;
  double squares = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    for (std::size_t k = 0; k < got[i].size(); ++k) {
      const double expected = trial.expected[i][k];
      errors += (got[i][k] - expected) * (got[i][k] - expected);
      squares += expected * expected;
    }
  }
  return std::sqrt(errors / squares);
}

}  // namespace kissa::cuda

// Skipped, with the status that CTest counts as that, where there is no GPU.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    kissa::cuda::test_device();
  } catch (const kissa::Error& error) {
    fmt::print("Skipped: all tests of the CUDA backend: {}\n", error.what());
    return 77;
  }
  return RUN_ALL_TESTS();
}
