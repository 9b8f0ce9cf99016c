#include "ops/recurrent.h"

#include <cmath>

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

constexpr float kTolerance = 1e-6f;

template <class T>
T recurrent(std::int64_t num_output, bool expose_hidden = false) {
  T op;
  op.num_output = num_output;
  op.expose_hidden = expose_hidden;
  return op;
}

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

// One unit and one input; a weight of x, a bias and a weight of h a gate.
struct Unit {
  float weight_x[4] = {0.5f, -1, 2, 1};
  float bias[4] = {0.1f, 0.2f, 0.3f, 0.4f};
  float weight_h[4] = {1, 0.5f, -0.5f, 2};
  float h = 0;
  float c = 0;

  float step(float x, float cont, float added = 0) {
    float gate[4];
    for (int k = 0; k < 4; ++k)
      gate[k] = weight_x[k] * x + bias[k] + weight_h[k] * cont * h + added;
    c = cont * sigmoid(gate[1]) * c + sigmoid(gate[0]) * std::tanh(gate[3]);
    h = sigmoid(gate[2]) * std::tanh(c);
    return h;
  }
};

const std::vector<Literal> kLstmParams = {
    {{4, 1}, {0.5f, -1, 2, 1}}, {{4}, {0.1f, 0.2f, 0.3f, 0.4f}}, {{4, 1}, {1, 0.5f, -0.5f, 2}}};

TEST(LstmTest, StepsAndStartsAnewWhereContIsZero) {
  Unit unit;
  const std::vector<float> expected = {unit.step(1, 0), unit.step(-2, 1), unit.step(3, 1),
                                       unit.step(0.5f, 0)};
  const auto y = evaluate(recurrent<Lstm>(1),
                          {{{4, 1, 1}, {1, -2, 3, 0.5f}}, {{4, 1}, {0, 1, 1, 0}}}, kLstmParams);
  EXPECT_THAT(y, Pointwise(FloatNear(kTolerance), expected));
  EXPECT_NEAR(y[3], Unit().step(0.5f, 0), kTolerance);
}

TEST(LstmTest, KeepsStreamsApart) {
  Unit a, b;
  const std::vector<float> expected = {a.step(1, 0), b.step(5, 1), a.step(2, 1), b.step(6, 1)};
  EXPECT_THAT(
      evaluate(recurrent<Lstm>(1), {{{2, 2}, {1, 5, 2, 6}}, {{2, 2}, {0, 1, 1, 1}}}, kLstmParams),
      Pointwise(FloatNear(kTolerance), expected));
}

TEST(LstmTest, TakesAndGivesTheHiddenState) {
  Unit unit;
  unit.h = 0.25f;
  unit.c = -0.5f;
  const std::vector<float> expected = {unit.step(1, 1), unit.step(2, 1)};
  const auto y =
      evaluate_all(recurrent<Lstm>(1, true),
                   {{{2, 1}, {1, 2}}, {{2, 1}, {1, 1}}, {{1, 1, 1}, {0.25f}}, {{1, 1, 1}, {-0.5f}}},
                   kLstmParams);
  ASSERT_EQ(y.size(), 3u);
  EXPECT_THAT(y[0], Pointwise(FloatNear(kTolerance), expected));
  EXPECT_NEAR(y[1][0], unit.h, kTolerance);
  EXPECT_NEAR(y[2][0], unit.c, kTolerance);
}

TEST(LstmTest, AddsTheStaticInput) {
  Unit unit;
  const std::vector<float> expected = {unit.step(1, 0, 0.6f), unit.step(2, 1, 0.6f)};
  auto params = kLstmParams;
  params.insert(params.begin() + 2, {{4, 2}, {0.2f, 0.4f, 0.2f, 0.4f, 0.2f, 0.4f, 0.2f, 0.4f}});
  EXPECT_THAT(
      evaluate(recurrent<Lstm>(1), {{{2, 1}, {1, 2}}, {{2, 1}, {0, 1}}, {{1, 2}, {1, 1}}}, params),
      Pointwise(FloatNear(kTolerance), expected));
}

TEST(LstmTest, ShapesAndArithmetic) {
  const Shapes in = {{4, 3, 5, 2}, {4, 3}, {3, 7}};
  const Lstm op = recurrent<Lstm>(6);
  EXPECT_EQ(infer(op, in), Shapes{Shape({4, 3, 6})});
  EXPECT_EQ(params_of(op, in)[0].shape, Shape({24, 10}));
  EXPECT_EQ(params_of(op, in)[2].shape, Shape({24, 7}));
  EXPECT_EQ(params_of(op, in)[3].shape, Shape({24, 6}));
  EXPECT_EQ(arithmetic_of(op, in), (Arithmetic{72 * 4 * 16 + 3 * 24 * 7 + 72, 23 * 72}));
}

TEST(RnnTest, Steps) {
  // h = tanh(2 x + 0.5 + 3 cont h), o = tanh(-h + 0.1)
  const float h0 = std::tanh(2 * 0.1f + 0.5f);
  const float h1 = std::tanh(2 * -0.3f + 0.5f + 3 * h0);
  const float h2 = std::tanh(2 * 0.2f + 0.5f);
  const auto y =
      evaluate_all(recurrent<Rnn>(1, true),
                   {{{3, 1, 1}, {0.1f, -0.3f, 0.2f}}, {{3, 1}, {1, 1, 0}}, {{1, 1, 1}, {0}}},
                   {{{1, 1}, {2}}, {{1}, {0.5f}}, {{1, 1}, {3}}, {{1, 1}, {-1}}, {{1}, {0.1f}}});
  EXPECT_THAT(y[0], Pointwise(FloatNear(kTolerance),
                              {std::tanh(0.1f - h0), std::tanh(0.1f - h1), std::tanh(0.1f - h2)}));
  EXPECT_NEAR(y[1][0], h2, kTolerance);
}

TEST(RnnTest, ShapesAndArithmetic) {
  const Shapes in = {{4, 3, 5}, {4, 3}, {3, 7}};
  const Rnn op = recurrent<Rnn>(6);
  const auto params = params_of(op, in);
  ASSERT_EQ(params.size(), 6u);
  EXPECT_EQ(params[2].shape, Shape({6, 7}));
  EXPECT_EQ(params[4].shape, Shape({6, 6}));
  EXPECT_EQ(arithmetic_of(op, in), (Arithmetic{72 * 17 + 3 * 6 * 7, 6 * 72}));
}

TEST(RecurrentTest, RefusesInputsThatDoNotFit) {
  const Lstm op = recurrent<Lstm>(6);
  EXPECT_THAT(refusal(op, {{4, 3, 5}}), HasSubstr("takes 2 inputs, or 3 with a static one, not 1"));
  EXPECT_THAT(refusal(op, {{4, 3, 5}, {3, 4}}), HasSubstr("must be 4x3, not 3x4"));
  EXPECT_THAT(refusal(op, {{4}, {4}}), HasSubstr("at least 2 axes"));
  EXPECT_THAT(refusal(op, {{4, 3, 5}, {4, 3}, {2, 5}}), HasSubstr("must be 3 x ..., not 2x5"));
  EXPECT_THAT(refusal(recurrent<Lstm>(0), {{4, 3, 5}, {4, 3}}), HasSubstr("num_output 0"));
  EXPECT_THAT(refusal(recurrent<Lstm>(INT64_MAX), {{4, 3, 5}, {4, 3}}),
              HasSubstr("must be in 1 to"));
  EXPECT_THAT(refusal(recurrent<Lstm>(6, true), {{4, 3, 5}, {4, 3}, {1, 3, 6}, {1, 3, 5}}),
              HasSubstr("must be 1x3x6, not 1x3x5"));
  EXPECT_THAT(refusal(recurrent<Rnn>(6, true), {{4, 3, 5}, {4, 3}}),
              HasSubstr("takes 3 inputs, or 4 with a static one, not 2"));
}

}  // namespace
}  // namespace kissa
