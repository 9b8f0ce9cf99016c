// Plan files of a GPU: the same bits come back, and what is damaged or for another is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cuda_engine_testing.h"
#include "plan_file_testing.h"

namespace kissa {
namespace {

using ::testing::HasSubstr;

// A layer for each kind of step that a GPU has besides those of kNetwork: plain kernels that keep
// their constants, a reference on the CPU, and a table.
constexpr const char* kOthers = R"(
  layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 6 dim: 9 dim: 9 } } }
  layer { name: "norm" type: "BatchNorm" bottom: "data" top: "norm"
          batch_norm_param { use_global_stats: true } }
  layer { name: "grouped" type: "Convolution" bottom: "norm" top: "grouped"
          convolution_param { num_output: 12 kernel_size: 3 pad: 1 group: 3 } }
  layer { name: "slope" type: "PReLU" bottom: "grouped" top: "slope" }
  layer { name: "up" type: "Deconvolution" bottom: "slope" top: "up"
          convolution_param { num_output: 4 kernel_size: 2 stride: 2 } }
  layer { name: "scale" type: "Scale" bottom: "up" top: "scale" scale_param { bias_term: true } }
  layer { name: "ip" type: "InnerProduct" bottom: "scale" top: "ip"
          inner_product_param { num_output: 7 } }
)";

Model load_others() {
  const caffe::TempFile file("others.prototxt", kOthers);
  CaffeOptions random;
  random.random_seed = 1;
  return Model::load_caffe(file.path(), "", random);
}

// A loaded file of `engine` does what it does, and warns of nothing.
void expect_the_same(const Engine& engine) {
  std::vector<std::string> log;
  set_log_sink([&](LogLevel level, std::string_view text) {
    if (level == LogLevel::kWarning) log.emplace_back(text);
  });
  const PlanPath file(engine);
  const Engine loaded = Engine::load(file.path());
  const std::vector<float> wanted = run(engine);
  EXPECT_EQ(run(loaded), wanted);
  EXPECT_EQ(tactics_of(loaded), tactics_of(engine));
  EXPECT_EQ(loaded.memory().weights, engine.memory().weights);
  const PlanPath second(loaded);
  EXPECT_EQ(read(second.path()), read(file.path()));
  EXPECT_EQ(run(Engine::load(second.path())), wanted);
  set_log_sink({});
  EXPECT_EQ(log, std::vector<std::string>());
}

TEST(CudaPlanFile, ALoadedEngineIsTheSavedOne) {
  for (const Way& way : kWays)
    for (const std::int64_t batch : {1, 3, 7, 17, 33}) {
      SCOPED_TRACE(testing::Message() << to_string(way.mode) << " " << to_string(way.precision)
                                      << ", batch " << batch);
      expect_the_same(build(way, batch));
    }
}

TEST(CudaPlanFile, SoAreAllOtherKindsOfSteps) {
  for (const Way& way : kWays) {
    SCOPED_TRACE(testing::Message() << to_string(way.mode) << " " << to_string(way.precision));
    expect_the_same(Engine::build(load_others(), options_of(way)));
  }
}

TEST(CudaPlanFile, ATunedEngineComesBackWithItsTactics) {
  for (const Way& way : kWays) {
    EngineOptions options = options_of(way);
    options.build_seconds = 60.0;
    expect_the_same(Engine::build(load_network(8), options));
  }
}

TEST(CudaPlanFile, ACompleteTimingCacheGivesTheSameFile) {
  const Model model = load_network();
  EngineOptions options = options_of({Mode::kFused, Precision::kFp16});
  const caffe::TempFile cache("times.json", "");
  ASSERT_EQ(std::remove(cache.path().c_str()), 0);
  options.timing_cache = cache.path();
  options.error_on_cache_miss = true;
  EXPECT_THROW(Engine::build(model, options), Error);
  options.error_on_cache_miss = false;
  options.build_seconds = 60.0;
  const PlanPath measured(Engine::build(model, options));
  options.error_on_cache_miss = true;
  const PlanPath remembered(Engine::build(model, options));
  const PlanPath again(Engine::build(model, options));
  EXPECT_EQ(read(again.path()), read(remembered.path()));
  // Times are those of this GPU alone.
  nlohmann::json times = nlohmann::json::parse(read(cache.path()));
  const std::string machine = description_of(read(measured.path()))["description"];
  EXPECT_TRUE(times["microseconds"].contains(machine)) << machine;
  times["microseconds"]["another GPU"] = times["microseconds"][machine];
  times["microseconds"].erase(machine);
  caffe::TempFile other("other.json", times.dump());
  options.timing_cache = other.path();
  EXPECT_THROW(Engine::build(model, options), Error);
}

TEST(CudaPlanFile, RefittingGivesWhatBuildingWithTheseWeightsGives) {
  for (const Way& way : kWays) {
    const Engine fresh = Engine::build(load_network(3, 2), options_of(way));
    const PlanPath file(build(way, 3));
    const Engine refit = Engine::load(file.path()).refit(load_network(3, 2));
    EXPECT_EQ(run(refit), run(fresh));
    expect_the_same(refit);
  }
}

TEST(CudaPlanFile, CutAndDamagedFilesAreRefused) {
  const PlanPath good(build({Mode::kFused, Precision::kFp16}));
  std::string bytes = read(good.path());
  caffe::TempFile bad("bad.kissa", "");
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{71}, bytes.size() / 2, bytes.size() - 1}) {
    bad.write(bytes.substr(0, size));
    EXPECT_NE(complaint(bad.path()), "") << size;
  }
  for (std::size_t i = 0; i < bytes.size(); i += i < 72 ? 1 : bytes.size() / 101) {
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    bad.write(bytes);
    EXPECT_EQ(complaint(bad.path()).rfind(bad.path(), 0), 0u) << i << " of " << bytes.size();
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
  }
  bad.write(bytes);
  EXPECT_EQ(complaint(bad.path()), "");
}

TEST(CudaPlanFile, FilesForOtherDevicesAreRefused) {
  const PlanPath good(build({Mode::kFused, Precision::kFp32}));
  const std::string bytes = read(good.path());
  caffe::TempFile other("other.kissa", "");
  const auto complaint_of = [&](const std::string& of, const char* member, const char* value) {
    nlohmann::json description = description_of(of);
    description[member] = value;
    other.write(forge(of, description));
    return complaint(other.path());
  };
  EXPECT_THAT(complaint_of(bytes, "description", "NVIDIA Abacus"),
              HasSubstr("was built for NVIDIA Abacus, but cuda:0 here is "));
  EXPECT_THAT(complaint_of(bytes, "device", "cuda:99"), HasSubstr("there is no cuda:99"));
  EngineOptions on_host;
  on_host.build_seconds = 0.0;
  const PlanPath of_host(Engine::build(load_network(), on_host));
  EXPECT_THAT(complaint_of(read(of_host.path()), "device", "cuda:0"), HasSubstr("cuda:0 here is "));
  const PlanPath tf32(build({Mode::kFused, Precision::kTf32}));
  EXPECT_THAT(complaint_of(read(tf32.path()), "device", "cpu"), HasSubstr("tf32 is not built"));
}

}  // namespace
}  // namespace kissa
