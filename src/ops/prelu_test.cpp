#include "ops/prelu.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(PReluTest, HasASlopeAChannel) {
  const Literal x = {{2, 2, 1}, {-4, -4, 4, -2}};
  EXPECT_THAT(evaluate(PRelu(), {x}, {{{2}, {0.5f, -2}}}), ElementsAre(-2, 8, 4, 4));
  PRelu shared;
  shared.channel_shared = true;
  EXPECT_THAT(evaluate(shared, {x}, {{Shape(), {0.25f}}}), ElementsAre(-1, -1, 4, -0.5f));
}

TEST(PReluTest, NeedsChannels) {
  EXPECT_THAT(refusal(PRelu(), {{5}}), HasSubstr("at least 2 axes, not 5"));
  EXPECT_THROW(params_of(PRelu(), {{5}}), Error);
}

}  // namespace
}  // namespace kissa
