// Plan files of a device that is not the host: the CPU's tactics on one that says so.
#include "runtime/load_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/cpu/cpu.h"
#include "base/error.h"
#include "device/device_testing.h"
#include "import/caffe/file_testing.h"
#include "import/caffe/import.h"
#include "kissa/log.h"
#include "runtime/build_plan.h"
#include "runtime/context.h"

namespace kissa::runtime {
namespace {

using ::testing::HasSubstr;

constexpr const char* kNetwork = R"(
  layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 3 dim: 3 dim: 12 dim: 12 } } }
  layer { name: "a" type: "Convolution" bottom: "data" top: "a"
          convolution_param { num_output: 20 kernel_size: 3 pad: 1 } }
  layer { name: "slope" type: "PReLU" bottom: "a" top: "slope" }
  layer { name: "ip" type: "InnerProduct" bottom: "slope" top: "ip"
          inner_product_param { num_output: 7 } }
)";
constexpr const char* kVersion = "1.2.3";

std::string g_description;  // of the one device that there is; empty where there is none

std::unique_ptr<Device> create_apart(const DeviceOptions& options) {
  if (g_description.empty()) fail(ErrorCode::kDevice, "device apart: this machine has no driver");
  if (options.index != 0) fail(ErrorCode::kDevice, "there is no apart:{}", options.index);
  return std::make_unique<ApartDevice>(cpu::create_device(1), g_description);
}

std::shared_ptr<const Graph> load_graph(std::uint64_t seed) {
  const NetworkText network = {"net.prototxt", kNetwork};
  ImportOptions options;
  options.random_seed = seed;
  return std::make_shared<const Graph>(import_caffe(network, "", options));
}

std::vector<float> run(const std::shared_ptr<const Plan>& plan) {
  Context context(plan);
  for (int i = 0; i < 3 * 3 * 12 * 12; ++i) context.input(0)[i] = static_cast<float>(i % 17) - 8.0f;
  context.run();
  return {context.output(0), context.output(0) + 3 * 7};
}

class LoadPlan : public ::testing::Test {
 protected:
  LoadPlan() { g_description = "a machine of 8 units"; }

  std::shared_ptr<const Plan> build(std::uint64_t seed) const {
    BuildOptions options;
    options.plan.mode = Mode::kFused;
    options.build_seconds = 0.0;
    return build_plan(load_graph(seed), backend_, options);
  }
  void save(const std::shared_ptr<const Plan>& plan) {
    PlanRecord record;
    record.version = kVersion;
    write_plan_file(*plan, record, file_.path());
  }
  std::shared_ptr<const Plan> load(const char* version = kVersion) const {
    return load_plan(PlanFile(file_.path()), backend_, {}, version);
  }
  std::string complaint() const {
    try {
      load();
      return {};
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kDevice);
      return error.what();
    }
  }

  const Backend backend_ = {"apart", create_apart, cpu::tactics};
  caffe::TempFile file_{"net.kissa", ""};
};

TEST_F(LoadPlan, ALoadedPlanIsTheSavedOne) {
  const auto plan = build(1);
  ASSERT_FALSE(plan->weights->pieces().empty());
  save(plan);
  const auto loaded = load();
  EXPECT_EQ(run(loaded), run(plan));
  EXPECT_EQ(loaded->weights->pieces().size(), plan->weights->pieces().size());
  EXPECT_EQ(loaded->weight_bytes, plan->weight_bytes);
}

TEST_F(LoadPlan, RefitsOnTheSameDevice) {
  save(build(1));
  const auto loaded = load();
  const auto refit = refit_plan(*loaded, load_graph(2), backend_, Precision::kFp32);
  EXPECT_EQ(refit->device, loaded->device);
  EXPECT_EQ(run(refit), run(build(2)));
  EXPECT_NE(run(refit), run(loaded));
}

TEST_F(LoadPlan, AnotherDeviceIsRefused) {
  save(build(1));
  g_description = "a machine of 4 units";
  EXPECT_THAT(complaint(), HasSubstr("net.kissa: was built for a machine of 8 units, but apart:0 "
                                     "here is a machine of 4 units: build it again for that"));
}

TEST_F(LoadPlan, AMachineWithoutADeviceIsRefused) {
  save(build(1));
  g_description.clear();
  EXPECT_THAT(complaint(),
              HasSubstr("net.kissa: was built for a machine of 8 units; build it again for another "
                        "device: device apart: this machine has no driver"));
}

TEST_F(LoadPlan, AnotherVersionPacksAnew) {
  const auto plan = build(1);
  save(plan);
  std::vector<std::string> log;
  set_log_sink([&](LogLevel, std::string_view text) { log.emplace_back(text); });
  const auto loaded = load("1.2.4");
  set_log_sink({});
  EXPECT_EQ(run(loaded), run(plan));
  ASSERT_EQ(log.size(), 1u);
  EXPECT_THAT(log[0], HasSubstr("was built by Kissa 1.2.3 for a machine of 8 units; here"));
}

}  // namespace
}  // namespace kissa::runtime
