#include "ops/prior_box.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::HasSubstr;

PriorBox prior_box(float min, float max) {
  PriorBox op;
  op.min_sizes = {min};
  op.max_sizes = {max};
  return op;
}

TEST(PriorBoxTest, PutsSquaresAroundThePlaces) {
  const PriorBox op = prior_box(4.9f, 16);  // 4, as the fork takes whole numbers
  const Shapes in = {{1, 1, 1, 2}, {1, 3, 10, 20}};
  EXPECT_EQ(infer(op, in), Shapes{Shape({1, 2, 16})});
  const auto y = evaluate(op, {{in[0], {0, 0}}, {in[1], std::vector<float>(600)}});
  // Centres (5, 5) and (15, 5); squares of 4 and of sqrt(4 16) = 8.
  EXPECT_THAT(std::vector(y.begin(), y.begin() + 8),
              ElementsAre(FloatEq(0.15f), FloatEq(0.3f), FloatEq(0.35f), FloatEq(0.7f),
                          FloatEq(0.05f), FloatNear(0.1f, 1e-6f), FloatEq(0.45f), FloatEq(0.9f)));
  EXPECT_EQ(y[8], 0.65f);
  EXPECT_THAT(std::vector(y.begin() + 16, y.begin() + 20), ElementsAre(0.1f, 0.1f, 0.1f, 0.1f));
}

TEST(PriorBoxTest, RatiosComeOnceAndFlipped) {
  PriorBox op = prior_box(4, 16);
  op.aspect_ratios = {2, 1, 0.5f, 3};
  EXPECT_THAT(op.all_ratios(), ElementsAre(1, 2, 0.5f, 3, FloatEq(1.0f / 3)));
  EXPECT_EQ(op.boxes_a_place(), 6);
  op.flip = false;
  EXPECT_THAT(op.all_ratios(), ElementsAre(1, 2, 0.5f, 3));
}

TEST(PriorBoxTest, ReadsNoElements) {
  EXPECT_TRUE(reads_shapes_only(PriorBox()));
  EXPECT_FALSE(reads_shapes_only(Relu()));
}

TEST(PriorBoxTest, RefusesContradictions) {
  const Shapes in = {{1, 1, 1, 2}, {1, 3, 10, 20}};
  EXPECT_THAT(refusal(PriorBox(), in), HasSubstr("min_size"));
  EXPECT_THAT(refusal(prior_box(4, 4), in), HasSubstr("max_size 4 must be greater"));
  PriorBox op = prior_box(4, 8);
  op.variances = {0.1f, 0.2f};
  EXPECT_THAT(refusal(op, in), HasSubstr("one variance or four"));
  op = prior_box(4, 8);
  op.max_sizes = {8, 9};
  EXPECT_THAT(refusal(op, in), HasSubstr("2 max_size for 1 min_size"));
}

}  // namespace
}  // namespace kissa
