#include "ops/resize.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(InterpTest, CornersStay) {
  Interp op;
  op.size = {3, 3};
  EXPECT_THAT(evaluate(op, {{{1, 1, 2, 2}, {0, 2, 4, 6}}}), ElementsAre(0, 1, 2, 2, 3, 4, 4, 5, 6));
  op.size = {1, 1};
  EXPECT_THAT(evaluate(op, {{{1, 1, 2, 2}, {5, 2, 4, 6}}}), ElementsAre(5));
}

TEST(InterpTest, SizesFollowTheFactors) {
  Interp op;
  op.zoom = 8;
  EXPECT_EQ(infer_one(op, {1, 2, 5, 9}), Shape({1, 2, 33, 65}));
  op.zoom = 1;
  op.shrink = 2;
  EXPECT_EQ(infer_one(op, {1, 2, 5, 8}), Shape({1, 2, 3, 4}));
  EXPECT_EQ(infer(op, {{1, 2, 5, 8}, {3, 4, 6, 7}}), Shapes{Shape({1, 2, 6, 7})});
}

TEST(InterpTest, PadCutsTheInput) {
  Interp op;
  op.pad = {-1, -1};
  EXPECT_THAT(evaluate(op, {counting({1, 1, 3, 4})}), ElementsAre(6, 7));
  EXPECT_THAT(refusal(op, {{1, 1, 2, 4}}), HasSubstr("an image of 0"));
  op.pad = {1, 0};
  EXPECT_THAT(refusal(op, {{1, 1, 4, 4}}), HasSubstr("must not be positive"));
}

TEST(UpsampleTest, RepeatsElements) {
  EXPECT_THAT(evaluate(Upsample(), {counting({1, 1, 1, 2})}), ElementsAre(1, 1, 2, 2, 1, 1, 2, 2));
}

TEST(UnpoolTest, PutsElementsWhereTheMaskSays) {
  const Literal x = {{1, 1, 1, 2}, {5, 6}};
  EXPECT_THAT(evaluate(Unpool(), {x, {{1, 1, 1, 2}, {3, 4}}}), ElementsAre(0, 0, 0, 5, 6, 0, 0, 0));
  EXPECT_THAT(evaluate(Unpool(), {x, {{1, 1, 1, 2}, {-1, 8}}}),
              ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(refusal(Unpool(), {{1, 1, 1, 2}, {1, 1, 2, 2}}), HasSubstr("a mask of"));
}

TEST(UnpoolTest, SizesOfOddImages) {
  Unpool op;
  op.cut = {1, 0};
  EXPECT_EQ(infer(op, {{1, 2, 3, 3}, {1, 2, 3, 3}}), Shapes{Shape({1, 2, 5, 6})});
  op.size = {9, 8};
  EXPECT_EQ(infer(op, {{1, 2, 3, 3}, {1, 2, 3, 3}}), Shapes{Shape({1, 2, 9, 8})});
}

}  // namespace
}  // namespace kissa
