// Whole networks on a GPU: what they keep of its memory, and what their times add up to.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <numeric>

#include "cuda_engine_testing.h"

namespace kissa {
namespace {

struct Memory {
  std::size_t free = 0;       // of the GPU
  std::uint64_t highest = 0;  // in use of its pool, since reset
  bool operator==(const Memory&) const = default;
};
Memory memory_now() {
  Memory memory;
  std::size_t all = 0;
  cudaMemPool_t pool = nullptr;
  EXPECT_EQ(cudaMemGetInfo(&memory.free, &all), cudaSuccess);
  EXPECT_EQ(cudaDeviceGetDefaultMemPool(&pool, 0), cudaSuccess);
  EXPECT_EQ(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemHigh, &memory.highest),
            cudaSuccess);
  return memory;
}
void reset_highest() {
  cudaMemPool_t pool = nullptr;
  std::uint64_t zero = 0;
  ASSERT_EQ(cudaDeviceGetDefaultMemPool(&pool, 0), cudaSuccess);
  ASSERT_EQ(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrUsedMemHigh, &zero), cudaSuccess);
}

// The GPU's free memory is every program's: one quiet try of some is enough.
TEST(CudaEngine, AllocatesNothingInSteadyState) {
  constexpr int kTries = 5, kRuns = 50;
  for (const Way& way : kWays) {
    const Engine engine = build(way);
    Context context = engine.create_context();
    for (int i = 0; i < 3; ++i) context.run();
    bool is_steady = false;
    for (int attempt = 0; attempt < kTries && !is_steady; ++attempt) {
      reset_highest();
      const Memory before = memory_now();
      for (int i = 0; i < kRuns; ++i) context.run();
      is_steady = memory_now() == before;
    }
    EXPECT_TRUE(is_steady) << to_string(way.mode) << " " << to_string(way.precision);
    // A pool in which an allocation does not show would prove nothing.
    reset_highest();
    const Memory before = memory_now();
    const Context another = engine.create_context();
    EXPECT_GT(memory_now().highest, before.highest);
  }
}

TEST(CudaEngine, ProfilesTellLaunchingAndWaiting) {
  for (const Way& way : kWays) {
    const Engine engine = build(way);
    Context context = engine.create_context();
    context.run();
    context.run_profiled();
    const StepTimes times = context.run_profiled();
    const std::size_t steps = engine.steps().size();
    const std::size_t waits = way.mode == Mode::kCaffe ? steps : 1;
    EXPECT_EQ(times.device.size(), steps);
    EXPECT_EQ(times.launch.size(), waits);
    EXPECT_EQ(times.wait.size(), waits);
    double host = 0;
    for (std::size_t i = 0; i < times.launch.size(); ++i) {
      EXPECT_GT(times.launch[i], 0);
      EXPECT_GT(times.wait[i], 0);
      host += times.launch[i] + times.wait[i];
    }
    EXPECT_NEAR(host, times.wall, 1e-3 * times.wall);
    EXPECT_GT(times.computing, 0);
    EXPECT_LT(times.computing, 1.5 * times.wall);  // of another run
    EXPECT_GT(context.time_on_device(10), 0);
    // Profiling changes no result.
    const std::span<const float> output = context.output("prob");
    const std::vector<float> wanted(output.begin(), output.end());
    context.run();
    EXPECT_EQ(std::vector<float>(output.begin(), output.end()), wanted);
  }
}

}  // namespace
}  // namespace kissa
