#include "ops/accuracy.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;

const Literal kScores = {{3, 3}, {5, 1, 2, 4, 6, 6, 1, 2, 3}};

TEST(AccuracyTest, CountsLabelsAmongTheBest) {
  EXPECT_THAT(evaluate(Accuracy(), {kScores, {{3}, {0, 0, 2}}}), ElementsAre(FloatEq(2.0f / 3)));
  Accuracy op;
  op.top_k = 2;
  EXPECT_THAT(evaluate(op, {kScores, {{3}, {1, 1, 1}}}), ElementsAre(FloatEq(2.0f / 3)));
}

TEST(AccuracyTest, AnEqualScoreOfAnotherLabelIsBetter) {
  EXPECT_THAT(evaluate(Accuracy(), {kScores, {{3}, {1, 1, 1}}}), ElementsAre(0));
}

TEST(AccuracyTest, IgnoresALabelAndCountsEach) {
  Accuracy op;
  op.ignore_label = 2;
  op.per_class = true;
  const auto y = evaluate_all(op, {kScores, {{3}, {0, 0, 2}}});
  EXPECT_THAT(y[0], ElementsAre(0.5f));
  EXPECT_THAT(y[1], ElementsAre(0.5f, 0, 0));
}

TEST(AccuracyTest, ALabelThatIsNotThereIsAMiss) {
  EXPECT_THAT(evaluate(Accuracy(), {kScores, {{3}, {0, -3, 9}}}), ElementsAre(FloatEq(1.0f / 3)));
}

TEST(AccuracyTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal(Accuracy(), {{3, 3}, {4}}), HasSubstr("a label for each of the 3 places"));
  Accuracy op;
  op.top_k = 4;
  EXPECT_THAT(refusal(op, {{3, 3}, {3}}), HasSubstr("top_k 4"));
}

}  // namespace
}  // namespace kissa
