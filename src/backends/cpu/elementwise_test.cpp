// How exact the functions of one element are, over their whole range.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "backends/cpu/isa.h"

namespace kissa::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();

// Distance in units in the last place of `exact`, which counts denormals as the smallest normal.
double error_of(float got, double exact) {
  const auto nearest = static_cast<float>(exact);
  if (got == nearest || (std::isnan(got) && std::isnan(nearest))) return 0.0;
  if (!std::isfinite(got) || !std::isfinite(nearest)) return 1e9;
  const double size = std::max(std::abs(exact), double{std::numeric_limits<float>::min()});
  return std::abs(got - exact) / std::exp2(std::floor(std::log2(size)) - 23.0);
}

// The largest error over `count` numbers evenly spread in [low, high].
double largest_error(const Kernels& kernels, const UnaryOp& op, float low, float high,
                     const std::function<double(double)>& exact) {
  constexpr int kCount = 200001;
  std::vector<float> x;
  for (int i = 0; i < kCount; ++i)
    x.push_back(low + (high - low) * (static_cast<float>(i) / (kCount - 1)));
  std::vector<float> y(x.size());
  kernels.f32.elementwise.unary(op, x.data(), y.data(), std::ssize(x));
  double worst = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, error_of(y[i], exact(double{x[i]})));
  return worst;
}

float value_of(const Kernels& kernels, const UnaryOp& op, float x) {
  float y = 0.0f;
  kernels.f32.elementwise.unary(op, &x, &y, 1);
  return y;
}

// Calls f for each table of kernels that this machine runs.
void for_each_table(const std::function<void(const Kernels&)>& f) {
  for (const Kernels* kernels : kernels_up_to(usable_isa())) {
    SCOPED_TRACE(kernels->isa);
    f(*kernels);
  }
}

constexpr UnaryOp kExp = {UnaryKind::kExp, 1.0f, 0.0f, 0.0f};
constexpr UnaryOp kLog = {UnaryKind::kLog, 1.0f, 0.0f, 1.0f};

TEST(Elementwise, ExpIsExactToTwoUnits) {
  for_each_table([](const Kernels& kernels) {
    const auto exact = [](double x) { return std::exp(x); };
    EXPECT_LE(largest_error(kernels, kExp, -1.0f, 1.0f, exact), 2.0);
    EXPECT_LE(largest_error(kernels, kExp, -110.0f, 100.0f, exact), 2.0);
    EXPECT_EQ(value_of(kernels, kExp, -kInfinity), 0.0f);
    EXPECT_EQ(value_of(kernels, kExp, kInfinity), kInfinity);
    EXPECT_TRUE(std::isnan(value_of(kernels, kExp, kNotANumber)));
  });
}

TEST(Elementwise, LogIsExactToTwoUnits) {
  for_each_table([](const Kernels& kernels) {
    const auto exact = [](double x) { return std::log(x); };
    EXPECT_LE(largest_error(kernels, kLog, 0.5f, 2.0f, exact), 2.0);
    EXPECT_LE(largest_error(kernels, kLog, 1e-37f, 3e38f, exact), 2.0);
    EXPECT_LE(largest_error(kernels, kLog, 1e-44f, 1e-38f, exact), 2.0);
    EXPECT_EQ(value_of(kernels, kLog, 0.0f), -kInfinity);
    EXPECT_EQ(value_of(kernels, kLog, kInfinity), kInfinity);
    EXPECT_TRUE(std::isnan(value_of(kernels, kLog, -1.0f)));
    EXPECT_TRUE(std::isnan(value_of(kernels, kLog, kNotANumber)));
  });
}

TEST(Elementwise, FunctionsOfExpAreExactToFewUnits) {
  for_each_table([](const Kernels& kernels) {
    const auto error = [&](UnaryKind kind, float low, float high, auto&& exact) {
      return largest_error(kernels, {kind, 1.0f, 0.0f, 0.0f}, low, high, exact);
    };
    EXPECT_LE(error(UnaryKind::kTanh, -12.0f, 12.0f, [](double x) { return std::tanh(x); }), 4.0);
    EXPECT_LE(error(UnaryKind::kTanh, -0.01f, 0.01f, [](double x) { return std::tanh(x); }), 4.0);
    EXPECT_LE(error(UnaryKind::kSigmoid, -80.0f, 40.0f,
                    [](double x) { return 1.0 / (1.0 + std::exp(-x)); }),
              4.0);
    const auto elu = [](double x) { return x > 0.0 ? x : std::expm1(x); };
    EXPECT_LE(error(UnaryKind::kElu, -50.0f, 5.0f, elu), 4.0);
    EXPECT_LE(error(UnaryKind::kElu, -0.01f, 0.01f, elu), 4.0);
    const auto bnll = [](double x) {
      return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    };
    EXPECT_LE(error(UnaryKind::kBnll, -80.0f, 80.0f, bnll), 6.0);
  });
}

TEST(Elementwise, PowersOfAnySign) {
  for_each_table([](const Kernels& kernels) {
    const auto power = [&](float x, float p) {
      return value_of(kernels, {UnaryKind::kPower, 1.0f, 0.0f, p}, x);
    };
    EXPECT_NEAR(power(-2.0f, 3.0f), -8.0f, 1e-5f);
    EXPECT_NEAR(power(-2.0f, 4.0f), 16.0f, 1e-5f);
    EXPECT_NEAR(power(-2.0f, -1.0f), -0.5f, 1e-6f);
    EXPECT_NEAR(power(9.0f, 0.5f), 3.0f, 1e-6f);
    EXPECT_TRUE(std::isnan(power(-2.0f, 0.5f)));
    EXPECT_EQ(power(0.0f, 3.0f), 0.0f);
    EXPECT_EQ(power(0.0f, 0.5f), 0.0f);
    EXPECT_EQ(power(0.0f, -2.0f), kInfinity);
  });
}

}  // namespace
}  // namespace kissa::cpu
