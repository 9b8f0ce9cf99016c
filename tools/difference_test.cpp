#include "difference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/cpu/cpu.h"
#include "backends/cpu/tactics.h"
#include "import/caffe/file_testing.h"
#include "import/caffe/import.h"
#include "runtime/build_plan.h"
#include "runtime/context.h"

namespace kissa::tools {
namespace {

TEST(Difference, OfEqualValuesIsNone) {
  const std::vector<float> a = {1, -2, 0};
  const Difference difference = difference_of(a, a);
  EXPECT_EQ(difference.largest, 0);
  EXPECT_EQ(difference.relative, 0);
  EXPECT_EQ(difference.cosine, 0);
  EXPECT_FALSE(difference.parts(0));
}

TEST(Difference, IsTheNormOfTheErrorOverThatOfTheValues) {
  const Difference difference =
      difference_of(std::vector<float>{3, 4}, std::vector<float>{3, 4.5f});
  EXPECT_DOUBLE_EQ(difference.largest, 0.5);
  EXPECT_DOUBLE_EQ(difference.relative, 0.1);
  EXPECT_NEAR(difference.cosine, 1 - 27.0 / (5 * std::sqrt(29.25)), 1e-12);
  EXPECT_TRUE(difference.parts(0.09));
  EXPECT_FALSE(difference.parts(0.11));
}

TEST(Difference, CountsWhatIsNotFiniteAndLeavesItOut) {
  const float inf = std::numeric_limits<float>::infinity();
  const Difference difference =
      difference_of(std::vector<float>{1, 1, 1}, std::vector<float>{1, inf, NAN});
  EXPECT_EQ(difference.not_finite_a, 0U);
  EXPECT_EQ(difference.not_finite_b, 2U);
  EXPECT_EQ(difference.relative, 0);
  EXPECT_TRUE(difference.parts(1));
}

TEST(Difference, AgreementComparesTheBestAndTheDistributions) {
  const RowAgreement agreement =
      agreement_of(std::vector<float>{0.5f, 0.25f, 0.25f}, std::vector<float>{0.25f, 0.5f, 0.25f});
  EXPECT_FALSE(agreement.top1);
  EXPECT_EQ(agreement.common_top5, 3U);
  ASSERT_TRUE(agreement.divergence.has_value());
  EXPECT_NEAR(*agreement.divergence, 0.25 * std::log(2.0), 1e-6);
  EXPECT_FALSE(agreement_of(std::vector<float>{2, 1}, std::vector<float>{2, 1}).divergence);
}

// An LRN in half precision as one writes it first: x * x becomes infinite above 255.9, and the
// result zero.
class NaiveHalfLrn final : public Tactic {
 public:
  std::string_view name() const override { return "test.lrn.naive.f16"; }
  std::optional<std::string> refuse(const Region& region) const override {
    if (region.only<Lrn>() == nullptr) return "runs an LRN";
    return cpu::reference().refuse(region);
  }
  std::unique_ptr<Step> prepare(const Region& region, const PrepareContext&) const override {
    return std::make_unique<RunStep>(region);
  }

 private:
  struct RunStep final : public Step {
    explicit RunStep(const Region& region)
        : lrn(*region.only<Lrn>()), shape(region.in(0).desc.shape) {}
    void run(const Bindings& bindings, Stream&) const noexcept override {
      const auto* x = static_cast<const float*>(bindings.inputs[0]);
      auto* y = static_cast<float*>(bindings.outputs[0]);
      const std::int64_t channels = shape[1], plane = shape[2] * shape[3];
      for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t i = 0; i < plane; ++i) {
          constexpr float kLargestHalf = 65504;
          float sum = 0;
          for (std::int64_t k = std::max<std::int64_t>(0, c - 2); k < std::min(channels, c + 3);
               ++k) {
            const float square = x[k * plane + i] * x[k * plane + i];
            sum += square > kLargestHalf ? INFINITY : square;
          }
          y[c * plane + i] = x[c * plane + i] * std::pow(1 + lrn.alpha / 5 * sum, -lrn.beta);
        }
      }
    }
    Lrn lrn;
    Shape shape;
  };
};

TacticList with_naive_lrn(Mode mode, Precision precision) {
  static const NaiveHalfLrn kNaive;
  static const std::vector<const Tactic*> kTactics = [&] {
    std::vector<const Tactic*> list = {&kNaive};
    for (const Tactic* tactic : cpu::tactics(mode, precision)) list.push_back(tactic);
    return list;
  }();
  return kTactics;
}

std::unique_ptr<Device> create(const DeviceOptions& options) {
  return cpu::create_device(options.threads);
}

TEST(Difference, NamesANaiveHalfPrecisionLrnFirst) {
  const caffe::TempFile file("net.prototxt", R"(
    layer { name: "in" type: "Input" top: "data"
            input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
    layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
            convolution_param { num_output: 16 kernel_size: 3 pad: 1 } }
    layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1"
            lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
    layer { name: "conv2" type: "Convolution" bottom: "norm1" top: "conv2"
            convolution_param { num_output: 8 kernel_size: 1 } }
    layer { name: "prob" type: "Softmax" bottom: "conv2" top: "prob" })");
  ImportOptions random;
  random.random_seed = 1;
  const auto graph =
      std::make_shared<const Graph>(import_caffe(read_network_text(file.path()), "", random));
  const std::vector<std::string> blobs = {"conv1", "norm1", "conv2", "prob"};
  const Backend honest = {"cpu", create, cpu::tactics};
  const Backend naive = {"cpu", create, with_naive_lrn};
  std::vector<std::unique_ptr<runtime::Context>> contexts;
  for (const Backend* backend : {&honest, &naive}) {
    runtime::BuildOptions options;
    options.plan.fetch = blobs;
    options.build_seconds = 0;
    options.plan.device.threads = 1;
    contexts.push_back(
        std::make_unique<runtime::Context>(runtime::build_plan(graph, *backend, options)));
    for (int i = 0; i < 3 * 8 * 8; ++i)
      contexts.back()->input(0)[i] = static_cast<float>(i % 17) * 400;
    contexts.back()->run();
  }
  std::vector<LayerDifference> layers;
  // The graph's output comes first, then what was fetched besides it.
  const std::vector<std::pair<std::string, std::size_t>> outputs = {
      {"conv1", 1}, {"norm1", 2}, {"conv2", 3}, {"prob", 0}};
  for (const auto& [blob, i] : outputs) {
    const auto count =
        static_cast<std::size_t>(graph->value(graph->find_value(blob)).shape.elements());
    layers.push_back(
        {blob, blob,
         difference_of({contexts[0]->output(i), count}, {contexts[1]->output(i), count})});
  }
  const std::optional<std::size_t> first = first_parting(layers, 0.05);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(layers[*first].blob, "norm1");
}

}  // namespace
}  // namespace kissa::tools
