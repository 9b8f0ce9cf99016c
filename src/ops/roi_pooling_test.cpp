#include "ops/roi_pooling.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(RoiPoolingTest, TakesTheLargestOfEachPart) {
  RoiPooling op;
  op.pooled_h = op.pooled_w = 2;
  op.spatial_scale = 0.5f;
  const Literal x = counting({1, 1, 4, 4});
  EXPECT_THAT(evaluate(op, {x, {{1, 5}, {0, 0, 0, 6, 6}}}), ElementsAre(6, 8, 14, 16));
  // Three rows in two parts: the middle one belongs to both.
  EXPECT_THAT(evaluate(op, {x, {{1, 5}, {0, 0, 0, 2, 4}}}), ElementsAre(5, 6, 9, 10));
}

TEST(RoiPoolingTest, NothingIsZero) {
  RoiPooling op;
  const Literal x = counting({1, 1, 2, 2});
  EXPECT_THAT(evaluate(op, {x, {{3, 5}, {1, 0, 0, 1, 1, -1, 0, 0, 1, 1, 0, 5, 5, 6, 6}}}),
              ElementsAre(0, 0, 0));
  EXPECT_THAT(refusal(op, {{1, 1, 2, 2}, {3, 4}}), HasSubstr("regions of Rx5"));
  op.pooled_h = 0;
  EXPECT_THAT(refusal(op, {{1, 1, 2, 2}, {3, 5}}), HasSubstr("pooled size"));
}

TEST(PsRoiPoolingTest, EachPlaceHasItsChannel) {
  PsRoiPooling op;
  op.group_size = 2;
  const Literal x = counting({1, 4, 2, 2});
  // Each part is one element: 1 of channel 0, 2 of 1, 3 of 2, 4 of 3.
  EXPECT_THAT(evaluate(op, {x, {{1, 5}, {0, 0, 0, 1, 1}}}), ElementsAre(1, 6, 11, 16));
  EXPECT_THAT(refusal(op, {{1, 5, 2, 2}, {1, 5}}), HasSubstr("5 channels"));
}

}  // namespace
}  // namespace kissa
