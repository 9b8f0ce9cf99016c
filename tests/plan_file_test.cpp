// Plan files from outside: what is saved comes back, and what is damaged is refused.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "import/caffe/file_testing.h"
#include "kissa/kissa.h"
#include "plan_file_testing.h"

namespace kissa {
namespace {

using caffe::TempFile;

constexpr const char* kSmall = R"(
  name: "small"
  layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 12 dim: 12 } } }
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
          convolution_param { num_output: 20 kernel_size: 3 pad: 1 } }
  layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
  layer { name: "a" type: "Convolution" bottom: "conv" top: "a"
          convolution_param { num_output: 16 kernel_size: 1 } }
  layer { name: "b" type: "Convolution" bottom: "conv" top: "b"
          convolution_param { num_output: 16 kernel_size: 3 pad: 1 } }
  layer { name: "both" type: "Concat" bottom: "a" bottom: "b" top: "both" }
  layer { name: "slope" type: "PReLU" bottom: "both" top: "slope" }
  layer { name: "up" type: "Deconvolution" bottom: "slope" top: "up"
          convolution_param { num_output: 4 kernel_size: 2 stride: 2 } }
  layer { name: "pool" type: "Pooling" bottom: "up" top: "pool"
          pooling_param { pool: AVE kernel_size: 4 stride: 4 } }
  layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
          inner_product_param { num_output: 7 } }
  layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
)";

// Only layers whose tactics pack their weights.
constexpr const char* kPacked = R"(
  layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 24 dim: 24 } } }
  layer { name: "a" type: "Convolution" bottom: "data" top: "a"
          convolution_param { num_output: 20 kernel_size: 7 stride: 2 } }
  layer { name: "b" type: "Convolution" bottom: "a" top: "b"
          convolution_param { num_output: 16 kernel_size: 1 } }
  layer { name: "c" type: "Convolution" bottom: "b" top: "c"
          convolution_param { num_output: 16 kernel_size: 3 pad: 1 } }
  layer { name: "d" type: "Convolution" bottom: "c" top: "d"
          convolution_param { num_output: 16 kernel_size: 5 pad: 2 } }
  layer { name: "e" type: "Convolution" bottom: "d" top: "e"
          convolution_param { num_output: 16 kernel_size: 3 pad: 1 group: 16 } }
  layer { name: "ip" type: "InnerProduct" bottom: "e" top: "ip"
          inner_product_param { num_output: 7 } }
)";

Model load_small(std::uint64_t seed, const char* text = kSmall) {
  const TempFile file("small.prototxt", text);
  CaffeOptions options;
  options.random_seed = seed;
  return Model::load_caffe(file.path(), "", options);
}

EngineOptions usual(Mode mode = Mode::kFused) {
  EngineOptions options;
  options.mode = mode;
  options.threads = 2;
  options.build_seconds = 0.0;
  return options;
}

TEST(PlanFileTest, ALoadedEngineIsTheSavedOne) {
  for (const Mode mode : {Mode::kFused, Mode::kCaffe}) {
    SCOPED_TRACE(to_string(mode));
    EngineOptions options = usual(mode);
    options.fetch = {"both"};
    const Engine engine = Engine::build(load_small(1), options);
    const PlanPath file(engine);
    const Engine loaded = Engine::load(file.path());
    EXPECT_EQ(run(loaded), run(engine));
    EXPECT_EQ(tactics_of(loaded), tactics_of(engine));
    EXPECT_EQ(loaded.name(), "small");
    EXPECT_EQ(loaded.mode(), mode);
    EXPECT_EQ(loaded.threads(), 2);
    EXPECT_EQ(loaded.memory().weights, engine.memory().weights);
    EXPECT_EQ(loaded.memory().arena, engine.memory().arena);
    ASSERT_EQ(loaded.outputs().size(), 2u);
    EXPECT_EQ(loaded.outputs()[1].name, "both");
    const PlanPath second(loaded);
    EXPECT_EQ(read(second.path()), read(file.path()));
  }
}

TEST(PlanFileTest, ShapesAndPrecisionAreKept) {
  EngineOptions options = usual();
  options.precision = Precision::kBf16;
  const Model model = load_small(1).with_batch(3);
  try {
    const Engine engine = Engine::build(model, options);
    const PlanPath file(engine);
    const Engine loaded = Engine::load(file.path());
    EXPECT_EQ(loaded.precision(), Precision::kBf16);
    EXPECT_EQ(loaded.inputs()[0].dims, (Dims{3, 3, 12, 12}));
    EXPECT_EQ(run(loaded), run(engine));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    GTEST_SKIP() << error.what();
  }
}

TEST(PlanFileTest, OtherThreadsAndInstructionSetsPackAnew) {
  const Engine engine = Engine::build(load_small(1), usual());
  const PlanPath file(engine);
  const std::vector<float> wanted = run(engine);
  const auto expect_close = [&](const Engine& other) {
    const std::vector<float> got = run(other);
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-5f);
  };
  std::vector<std::string> log;
  set_log_sink([&](LogLevel, std::string_view text) { log.emplace_back(text); });
  const Engine one = Engine::load(file.path(), 1);
  EXPECT_EQ(log.size(), 1u);
  EXPECT_EQ(one.threads(), 1);
  EXPECT_EQ(tactics_of(one), tactics_of(engine));
  expect_close(one);

  ::setenv("KISSA_MAX_ISA", "baseline", 1);
  try {
    const Engine baseline = Engine::load(file.path());
    expect_close(baseline);
    const PlanPath saved(baseline);
    EXPECT_EQ(run(Engine::load(saved.path())), run(baseline));
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
  ::unsetenv("KISSA_MAX_ISA");
  set_log_sink({});
}

TEST(PlanFileTest, RefittingGivesWhatBuildingWithTheseWeightsGives) {
  for (const Mode mode : {Mode::kFused, Mode::kCaffe}) {
    const Engine first = Engine::build(load_small(1), usual(mode));
    const Engine fresh = Engine::build(load_small(2), usual(mode));
    ASSERT_EQ(tactics_of(first), tactics_of(fresh));
    EXPECT_NE(run(first), run(fresh));
    EXPECT_EQ(run(first.refit(load_small(2))), run(fresh));
    const PlanPath file(first);
    const Engine refit = Engine::load(file.path()).refit(load_small(2));
    EXPECT_EQ(run(refit), run(fresh));
    const PlanPath saved(refit);
    EXPECT_EQ(run(Engine::load(saved.path())), run(fresh));
  }
}

TEST(PlanFileTest, RefittingReadsTheNetworkFromTheFile) {
  const std::string folder = std::string(KISSA_CASES_DIR) + "/../../examples/digits/";
  const std::string weights = folder + "digits.caffemodel";
  CaffeOptions random;
  random.random_seed = 3;
  random.input_shapes = {{"data", {2, 1, 28, 28}}};
  const Model other = Model::load_caffe(folder + "deploy.prototxt", "", random);
  const PlanPath file(Engine::build(other, usual()));
  const Model model = Model::load_caffe(folder + "deploy.prototxt", weights).with_batch(2);
  EXPECT_EQ(run(Engine::load(file.path()).refit_caffe(weights)),
            run(Engine::build(model, usual())));
  EXPECT_THROW(Engine::load(file.path()).refit_caffe("/no/such.caffemodel"), Error);
}

TEST(PlanFileTest, AnotherNetworkIsNoRefit) {
  const Engine engine = Engine::build(load_small(1), usual());
  std::string other = kSmall;
  other.replace(other.find("num_output: 20"), 14, "num_output: 24");
  EXPECT_THROW(engine.refit(load_small(1, other.c_str())), Error);
}

TEST(PlanFileTest, NothingIsLeftWhereSavingFails) {
  const Engine engine = Engine::build(load_small(1), usual());
  EXPECT_THROW(engine.save("/no/such/folder/net.kissa"), Error);
  EXPECT_THROW(engine.save("/dev/null"), Error);
  EXPECT_THROW(engine.save(::testing::TempDir()), Error);
}

TEST(PlanFileTest, CutFilesAreRefused) {
  const PlanPath good(Engine::build(load_small(1), usual()));
  const std::string bytes = read(good.path());
  TempFile cut("cut.kissa", "");
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{8}, std::size_t{71}, std::size_t{72},
        std::size_t{4096}, bytes.size() / 2, bytes.size() - 1}) {
    cut.write(bytes.substr(0, size));
    EXPECT_NE(complaint(cut.path()), "") << size;
  }
  TempFile longer("long.kissa", bytes + "x");
  EXPECT_NE(complaint(longer.path()), "");
  EXPECT_THROW(Engine::load("/no/such.kissa"), Error);
  EXPECT_THROW(Engine::load("/"), Error);
}

TEST(PlanFileTest, EveryDamagedByteIsFound) {
  for (const Mode mode : {Mode::kFused, Mode::kCaffe}) {
    const PlanPath good(Engine::build(load_small(1), usual(mode)));
    std::string bytes = read(good.path());
    TempFile bad("bad.kissa", "");
    for (std::size_t i = 0; i < bytes.size(); i += i < 200 ? 1 : 97) {
      const char before = bytes[i];
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
      bad.write(bytes);
      const std::string text = complaint(bad.path());
      EXPECT_EQ(text.rfind(bad.path(), 0), 0u) << "byte " << i << " of " << bytes.size() << text;
      EXPECT_EQ(text.find('\n'), std::string::npos);
      bytes[i] = before;
    }
  }
}

TEST(PlanFileTest, PackedWeightsNeedNoConstants) {
  const PlanPath good(Engine::build(load_small(1, kPacked), usual()));
  std::string bytes = read(good.path());
  const std::vector<float> wanted = run(Engine::load(good.path()));
  std::uint64_t description = 0;
  std::uint64_t constants = 0;
  std::memcpy(&description, bytes.data() + 24, 8);
  std::memcpy(&constants, bytes.data() + 32, 8);
  ASSERT_GT(constants, 0u);
  bytes.replace(72 + description, constants, constants, '\x7f');
  const TempFile bad("bad.kissa", bytes);
  const Engine engine = Engine::load(bad.path());
  EXPECT_EQ(run(engine), wanted);
  EXPECT_THROW(engine.save(good.path()), Error);
  EXPECT_THROW(Engine::load(bad.path(), 1), Error);
}

// ---- Files that are whole but say what no Kissa would

TEST(PlanFileTest, AForgedFileThatChangesNothingLoads) {
  const PlanPath good(Engine::build(load_small(1), usual()));
  const std::string bytes = read(good.path());
  EXPECT_EQ(forge(bytes, description_of(bytes)), bytes);
}

TEST(PlanFileTest, ForgedFilesAreRefusedOrHarmless) {
  const PlanPath good(Engine::build(load_small(1), usual()));
  const std::string bytes = read(good.path());
  const nlohmann::json description = description_of(bytes);
  TempFile bad("bad.kissa", "");
  int refused = 0;
  const nlohmann::json flat = description.flatten();
  for (const auto& [path, value] : flat.items()) {
    for (const nlohmann::json& other :
         {nlohmann::json(-1), nlohmann::json(0), nlohmann::json(3), nlohmann::json(1 << 30),
          nlohmann::json(std::int64_t{1} << 62), nlohmann::json("x"), nlohmann::json()}) {
      nlohmann::json forged = description;
      forged[nlohmann::json::json_pointer(path)] = other;
      bad.write(forge(bytes, forged));
      refused += complaint(bad.path()).empty() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 500);
}

TEST(PlanFileTest, OtherFormatsAndVersionsAreToldApart) {
  const PlanPath good(Engine::build(load_small(1), usual()));
  std::string bytes = read(good.path());
  TempFile other("other.kissa", "");
  const char format = bytes[8];
  bytes[8] = 1;
  other.write(bytes);
  EXPECT_NE(complaint(other.path()).find("format 1"), std::string::npos);
  bytes[8] = format;

  nlohmann::json description = description_of(bytes);
  description["kissa"] = "0.0.9";
  other.write(forge(bytes, description));
  std::vector<std::string> log;
  set_log_sink([&](LogLevel, std::string_view text) { log.emplace_back(text); });
  EXPECT_EQ(run(Engine::load(other.path())), run(Engine::load(good.path())));
  set_log_sink({});
  ASSERT_EQ(log.size(), 1u);
  EXPECT_NE(log[0].find("0.0.9"), std::string::npos);

  description["device"] = "abacus";
  other.write(forge(bytes, description));
  EXPECT_NE(complaint(other.path()).find("abacus"), std::string::npos);
}

}  // namespace
}  // namespace kissa
