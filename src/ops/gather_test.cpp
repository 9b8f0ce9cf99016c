#include "ops/gather.h"

#include <cmath>
#include <limits>

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsNan;

Embed embed(std::int64_t num_output, std::int64_t input_dim, bool has_bias) {
  Embed op;
  op.num_output = num_output;
  op.input_dim = input_dim;
  op.has_bias = has_bias;
  return op;
}

TEST(EmbedTest, LooksRowsUp) {
  EXPECT_EQ(infer_one(embed(4, 10, true), {2, 3}), Shape({2, 3, 4}));
  const Literal table = counting({3, 2});
  EXPECT_THAT(evaluate(embed(2, 3, false), {{{3}, {2, 0, 1.9f}}}, {table}),
              ElementsAre(5, 6, 1, 2, 3, 4));
  EXPECT_THAT(evaluate(embed(2, 3, true), {{{1}, {1}}}, {table, {{2}, {10, 20}}}),
              ElementsAre(13, 24));
}

TEST(EmbedTest, IndicesBehindTheTableGiveNan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto y =
      evaluate(embed(1, 3, false), {{{6}, {-1, 3, 1e30f, -1e30f, nan, -0.5f}}}, {counting({3, 1})});
  EXPECT_THAT(y, ElementsAre(IsNan(), IsNan(), IsNan(), IsNan(), IsNan(), 1));
}

TEST(EmbedTest, RefusesAnEmptyTable) {
  EXPECT_THAT(refusal(embed(0, 3, true), {{2}}), HasSubstr("num_output 0"));
  EXPECT_THAT(refusal(embed(3, 0, true), {{2}}), HasSubstr("input_dim 0"));
}

TEST(BatchReindexTest, ChoosesRowsOfTheFirstInput) {
  EXPECT_EQ(infer(BatchReindex(), {{4, 2, 3}, {5}}), Shapes{Shape({5, 2, 3})});
  EXPECT_THAT(evaluate(BatchReindex(), {counting({2, 2}), {{3}, {1, 1, 2}}}),
              ElementsAre(3, 4, 3, 4, IsNan(), IsNan()));
}

TEST(BatchReindexTest, RefusesWhatIsNoListOfIndices) {
  EXPECT_THAT(refusal(BatchReindex(), {{4, 2}, {5, 1}}), HasSubstr("not 5x1 for 4x2"));
  EXPECT_THAT(refusal(BatchReindex(), {Shape(), {5}}), HasSubstr("for scalar"));
  EXPECT_THAT(refusal(BatchReindex(), {{4}}), HasSubstr("takes 2 input"));
}

}  // namespace
}  // namespace kissa
