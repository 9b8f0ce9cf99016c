#include "load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "import/caffe/file_testing.h"

namespace kissa::tools {
namespace {

constexpr const char* kNetwork = R"(
  layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 32 dim: 24 dim: 24 } } }
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
          convolution_param { num_output: 64 kernel_size: 3 pad: 1 } }
  layer { name: "deep" type: "Convolution" bottom: "conv" top: "deep"
          convolution_param { num_output: 64 kernel_size: 3 pad: 1 } }
)";

std::vector<Context> contexts_of(int count) {
  const caffe::TempFile file("net.prototxt", kNetwork);
  CaffeOptions random;
  random.random_seed = 1;
  EngineOptions options;
  options.threads = 1;
  options.build_seconds = 0.0;
  const Engine engine = Engine::build(Model::load_caffe(file.path(), "", random), options);
  std::vector<Context> contexts;
  for (int i = 0; i < count; ++i) contexts.push_back(engine.create_context());
  return contexts;
}

// By turns, and the least of each, which a busy machine changes least.
TEST(Load, ComputeTimeAgreesWithAStopWatch) {
  std::vector<Context> contexts = contexts_of(1);
  double told = 1e30, stopped = 1e30;
  // On a busy machine the least of each takes a while to come.
  const auto agree = [&] { return std::abs(told / stopped - 1.0) <= 0.03; };
  for (int i = 0; i < 100 || (i < 2000 && !agree()); ++i) {
    const LoadTrace trace = run_load(contexts, {.least_queries = 3, .least_ms = 0, .warmup_ms = 0});
    for (const Query& query : trace.queries) told = std::min(told, query.times.compute);
    for (int run = 0; run < 3; ++run) {
      const auto start = std::chrono::steady_clock::now();
      contexts[0].run();
      const std::chrono::duration<double, std::micro> us = std::chrono::steady_clock::now() - start;
      stopped = std::min(stopped, us.count());
    }
  }
  EXPECT_TRUE(agree()) << told << " us told, " << stopped << " us by the stop-watch";
}

TEST(Load, ClosedLoopRunsOneQueryAfterTheOther) {
  std::vector<Context> contexts = contexts_of(1);
  const LoadTrace trace = run_load(contexts, {.least_queries = 7, .least_ms = 0, .warmup_ms = 0});
  ASSERT_EQ(trace.queries.size(), 7U);
  for (std::size_t i = 1; i < trace.queries.size(); ++i)
    EXPECT_GE(trace.queries[i].start_ms, trace.queries[i - 1].end_ms);
  EXPECT_DOUBLE_EQ(trace.wall_ms, trace.queries.back().end_ms);
}

TEST(Load, EveryStreamTakesPart) {
  std::vector<Context> contexts = contexts_of(3);
  const LoadTrace trace = run_load(contexts, {.least_queries = 60, .least_ms = 20, .warmup_ms = 0});
  for (int stream = 0; stream < 3; ++stream)
    EXPECT_TRUE(std::any_of(trace.queries.begin(), trace.queries.end(),
                            [&](const Query& query) { return query.stream == stream; }));
}

TEST(Load, OpenLoopKeepsItsRateAndNeverStartsEarly) {
  std::vector<Context> contexts = contexts_of(1);
  const LoadTrace trace =
      run_load(contexts, {.least_queries = 1, .least_ms = 100, .warmup_ms = 0, .qps = 50});
  ASSERT_EQ(trace.queries.size(), 5U);
  for (std::size_t i = 0; i < trace.queries.size(); ++i) {
    EXPECT_DOUBLE_EQ(trace.queries[i].arrival_ms, 20.0 * static_cast<double>(i));
    EXPECT_GE(trace.queries[i].start_ms, trace.queries[i].arrival_ms);
  }
}

TEST(Load, AnOverloadedOpenLoopCountsTheWaiting) {
  std::vector<Context> contexts = contexts_of(1);
  const LoadTrace trace =
      run_load(contexts, {.least_queries = 20, .least_ms = 0, .warmup_ms = 0, .qps = 1e6});
  const Query& last = trace.queries.back();
  EXPECT_GT(last.latency_ms(true), 5 * last.times.wall * 1e-3);
}

}  // namespace
}  // namespace kissa::tools
