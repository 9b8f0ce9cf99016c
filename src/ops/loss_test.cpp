#include "ops/loss.h"

#include <cmath>

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::IsNan;

constexpr float kLog2 = 0.69314718f;

template <class T>
T normalized(LossNormalization normalization) {
  T op;
  op.normalization = normalization;
  return op;
}

// Two even scores at each of four places: log 2 each.
const Literal kEven = {{2, 2, 2}, {1, 1, 1, 1, 3, 3, 3, 3}};
const Literal kLabels = {{2, 2}, {0, 1, 1, 0}};

TEST(LossTest, SoftmaxLossIsNormalized) {
  const auto loss = [](LossNormalization normalization) {
    auto op = normalized<SoftmaxLoss>(normalization);
    op.ignore_label = 0;
    return evaluate(op, {kEven, kLabels})[0];
  };
  EXPECT_NEAR(loss(LossNormalization::kValid), kLog2, 1e-6);
  EXPECT_NEAR(loss(LossNormalization::kFull), kLog2 / 2, 1e-6);
  EXPECT_NEAR(loss(LossNormalization::kBatchSize), kLog2, 1e-6);
  EXPECT_NEAR(loss(LossNormalization::kNone), 2 * kLog2, 1e-6);
}

TEST(LossTest, SoftmaxLossGivesTheSoftmaxToo) {
  SoftmaxLoss op;
  op.with_softmax = true;
  const auto y = evaluate_all(op, {{{1, 2}, {0, std::log(3.0f)}}, {{1}, {1}}});
  EXPECT_NEAR(y[0][0], -std::log(0.75f), 1e-6);
  EXPECT_THAT(y[1], ElementsAre(FloatNear(0.25f, 1e-6f), FloatNear(0.75f, 1e-6f)));
  EXPECT_THAT(evaluate(SoftmaxLoss(), {{{1, 2}, {0, 1}}, {{1}, {2}}}), ElementsAre(IsNan()));
}

TEST(LossTest, InfogainWeighsEveryLabel) {
  const Literal matrix = {{2, 2}, {1, 0, 2, 3}};
  EXPECT_NEAR(evaluate(InfogainLoss(), {kEven, kLabels, matrix})[0], (1 + 5 + 5 + 1) * kLog2 / 4,
              1e-6);
  EXPECT_THAT(refusal(InfogainLoss(), {{2, 2}, {2}, {2, 3}}), HasSubstr("matrix of 2 x 2"));
}

TEST(LossTest, MultinomialLossTakesProbabilities) {
  const Literal p = {{2, 2}, {0.5f, 0.5f, 1, 0}};
  EXPECT_NEAR(evaluate(MultinomialLogisticLoss(), {p, {{2}, {1, 0}}})[0], kLog2 / 2, 1e-6);
  EXPECT_NEAR(evaluate(MultinomialLogisticLoss(), {p, {{2}, {1, 1}}})[0],
              (kLog2 - std::log(1e-20)) / 2, 1e-4);
}

TEST(LossTest, SigmoidCrossEntropy) {
  const Literal x = {{1, 2}, {0, 0}};
  EXPECT_NEAR(evaluate(SigmoidCrossEntropyLoss(), {x, {{1, 2}, {0, 1}}})[0], 2 * kLog2, 1e-6);
  const auto valid = normalized<SigmoidCrossEntropyLoss>(LossNormalization::kValid);
  EXPECT_NEAR(evaluate(valid, {x, {{1, 2}, {0, 1}}})[0], kLog2, 1e-6);
}

TEST(LossTest, Distances) {
  const Literal a = {{2, 2}, {1, 2, 3, 4}}, b = {{2, 2}, {1, 4, 0, 4}};
  EXPECT_THAT(evaluate(DistanceLoss(), {a, b}), ElementsAre(13.0f / 4));
  DistanceLoss l1;
  l1.method = DistanceMethod::kL1;
  EXPECT_THAT(evaluate(l1, {a, b}), ElementsAre(2.5f));
  EXPECT_THAT(refusal(DistanceLoss(), {{2, 2}, {3}}), HasSubstr("as many elements"));
}

TEST(LossTest, Hinge) {
  const Literal x = {{2, 2}, {0.5f, -2, 1, 2}};
  EXPECT_THAT(evaluate(HingeLoss(), {x, {{2}, {0, 0}}}), ElementsAre((0.5f + 0 + 0 + 3) / 2));
  HingeLoss squared;
  squared.squared = true;
  EXPECT_THAT(evaluate(squared, {x, {{2}, {0, 0}}}), ElementsAre((0.25f + 9) / 2));
}

TEST(LossTest, Contrastive) {
  const Literal a = {{2, 2}, {0, 0, 0.3f, 0.4f}}, b = {{2, 2}, {1, 1, 0, 0}}, alike = {{2}, {1, 0}};
  EXPECT_NEAR(evaluate(ContrastiveLoss(), {a, b, alike})[0], (2 + 0.25) / 4, 1e-6);
  ContrastiveLoss legacy;
  legacy.legacy = true;
  EXPECT_NEAR(evaluate(legacy, {a, b, alike})[0], (2 + 0.75) / 4, 1e-6);
}

}  // namespace
}  // namespace kissa
