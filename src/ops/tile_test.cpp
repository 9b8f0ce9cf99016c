#include "ops/tile.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tile tile(int axis, std::int64_t tiles) {
  Tile op;
  op.axis = axis;
  op.tiles = tiles;
  return op;
}

TEST(TileTest, Repeats) {
  const Literal x = counting({2, 2});
  EXPECT_EQ(infer_one(tile(1, 3), x.shape), Shape({2, 6}));
  EXPECT_THAT(evaluate(tile(1, 2), {x}), ElementsAre(1, 2, 1, 2, 3, 4, 3, 4));
  EXPECT_THAT(evaluate(tile(0, 2), {x}), ElementsAre(1, 2, 3, 4, 1, 2, 3, 4));
}

TEST(TileTest, RefusesWhatCannotBe) {
  EXPECT_THAT(refusal(tile(1, 0), {{2, 2}}), HasSubstr("tiles 0"));
  EXPECT_THAT(refusal(tile(2, 1), {{2, 2}}), HasSubstr("axis 2"));
  EXPECT_THAT(refusal(tile(1, INT64_MAX), {{2, 2}}), HasSubstr("2^36"));
}

TEST(TileTest, EmptyTensorsTakeNoTime) {
  EXPECT_THAT(evaluate(tile(1, INT64_MAX), {{{2, 0}, {}}}), ElementsAre());
}

}  // namespace
}  // namespace kissa
