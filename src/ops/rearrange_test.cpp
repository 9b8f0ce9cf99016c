#include "ops/rearrange.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

Permute permute(std::vector<std::int64_t> order) {
  Permute op;
  op.order = std::move(order);
  return op;
}

TEST(PermuteTest, MovesAxes) {
  EXPECT_EQ(infer_one(permute({0, 2, 3, 1}), {2, 3, 4, 5}), Shape({2, 4, 5, 3}));
  EXPECT_THAT(evaluate(permute({1, 0}), {counting({2, 3})}), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(evaluate(permute({2, 0, 1}), {counting({2, 1, 2})}), ElementsAre(1, 3, 2, 4));
}

TEST(PermuteTest, AxesThatAreNotNamedFollow) {
  EXPECT_EQ(infer_one(permute({0, 3}), {2, 3, 4, 5}), Shape({2, 5, 3, 4}));
}

TEST(PermuteTest, RefusesWhatIsNoOrder) {
  EXPECT_THAT(refusal(permute({0, 4}), {{2, 3, 4, 5}}), HasSubstr("order 4 names no axis"));
  EXPECT_THAT(refusal(permute({1, 1}), {{2, 3}}), HasSubstr("axis 1 twice"));
}

TEST(ReverseTest, TurnsAnAxisRound) {
  Reverse op;
  EXPECT_THAT(evaluate(op, {counting({3, 2})}), ElementsAre(5, 6, 3, 4, 1, 2));
  op.axis = -1;
  EXPECT_THAT(evaluate(op, {counting({2, 3})}), ElementsAre(3, 2, 1, 6, 5, 4));
}

TEST(ShuffleChannelTest, TransposesGroups) {
  ShuffleChannel op;
  op.group = 2;
  EXPECT_THAT(evaluate(op, {counting({1, 6, 1, 1})}), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(evaluate(op, {counting({1, 4, 2})}), ElementsAre(1, 2, 5, 6, 3, 4, 7, 8));
  EXPECT_THAT(refusal(op, {{1, 5, 2, 2}}), HasSubstr("5 channels"));
}

// Darknet's loop over the input's C, H, W, for each pair of places in input and output.
template <class Pair>
void for_each_pair(const Shape& in, std::int64_t s, const Pair& pair) {
  const std::int64_t c = in[1], h = in[2], w = in[3], less = c / (s * s);
  for (std::int64_t k = 0; k < c; ++k)
    for (std::int64_t j = 0; j < h; ++j)
      for (std::int64_t i = 0; i < w; ++i) {
        const std::int64_t offset = k / less;
        const std::int64_t wide =
            i * s + offset % s + w * s * (j * s + offset / s + h * s * (k % less));
        pair(static_cast<std::size_t>(i + w * (j + h * k)), static_cast<std::size_t>(wide));
      }
}

TEST(ReorgTest, DoesAsDarknet) {
  Reorg op;
  op.stride = 2;
  const Literal x = counting({1, 8, 4, 6});
  EXPECT_EQ(infer_one(op, x.shape), Shape({1, 32, 2, 3}));
  std::vector<float> y(x.data.size());
  for_each_pair(x.shape, 2, [&](std::size_t to, std::size_t from) { y[to] = x.data[from]; });
  EXPECT_THAT(evaluate(op, {x}), ElementsAreArray(y));
  EXPECT_THAT(refusal(op, {{1, 8, 3, 4}}), HasSubstr("stride 2"));
  EXPECT_THAT(refusal(op, {{1, 6, 4, 4}}), HasSubstr("6 channels"));
}

TEST(ReorgTest, DoesAsDarknetInReverse) {
  Reorg op;
  op.stride = 2;
  op.reversed = true;
  const Literal x = counting({1, 8, 3, 5});
  EXPECT_EQ(infer_one(op, x.shape), Shape({1, 2, 6, 10}));
  std::vector<float> y(x.data.size());
  for_each_pair(x.shape, 2, [&](std::size_t from, std::size_t to) { y[to] = x.data[from]; });
  EXPECT_THAT(evaluate(op, {x}), ElementsAreArray(y));
}

TEST(CropCenterTest, LeavesMarginsOut) {
  CropCenter op;
  op.margins = {0, 1, 1};
  EXPECT_THAT(evaluate(op, {counting({1, 3, 4})}), ElementsAre(6, 7));
  EXPECT_THAT(refusal(op, {{1, 2, 3}}), HasSubstr("leaves nothing"));
  EXPECT_THAT(refusal(op, {{3, 3}}), HasSubstr("3 margins do not fit"));
}

}  // namespace
}  // namespace kissa
