// Whole networks on a GPU: what they keep of its memory, and what their times add up to.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <numeric>

#include "import/caffe/file_testing.h"
#include "kissa/kissa.h"

namespace kissa {
namespace {

constexpr const char* kNetwork = R"(
  layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 64 dim: 64 } } }
  layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
          convolution_param { num_output: 64 kernel_size: 7 stride: 2 pad: 3 } }
  layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
  layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
          pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
  layer { name: "norm1" type: "LRN" bottom: "pool1" top: "norm1" lrn_param { local_size: 5 } }
  layer { name: "a" type: "Convolution" bottom: "norm1" top: "a"
          convolution_param { num_output: 16 kernel_size: 1 } }
  layer { name: "b" type: "Convolution" bottom: "norm1" top: "b"
          convolution_param { num_output: 32 kernel_size: 3 pad: 1 } }
  layer { name: "all" type: "Concat" bottom: "a" bottom: "b" top: "all" }
  layer { name: "ip" type: "InnerProduct" bottom: "all" top: "ip"
          inner_product_param { num_output: 10 } }
  layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
)";

struct Way {
  Mode mode;
  Precision precision;
};
constexpr Way kWays[] = {{Mode::kCaffe, Precision::kFp32},
                         {Mode::kFused, Precision::kFp32},
                         {Mode::kFused, Precision::kTf32},
                         {Mode::kFused, Precision::kFp16}};

Engine build(const Way& way) {
  const caffe::TempFile file("net.prototxt", kNetwork);
  CaffeOptions random;
  random.random_seed = 1;
  EngineOptions options;
  options.device = "cuda";
  options.mode = way.mode;
  options.precision = way.precision;
  options.build_seconds = 0.0;
  return Engine::build(Model::load_caffe(file.path(), "", random), options);
}

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
    EXPECT_LT(times.computing, times.wall);
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
