#include "ops/proposal.h"

#include "ops/op_testing.h"

namespace kissa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// One anchor of 16 x 16 on a map of 1 x 2.
Proposal proposal() {
  Proposal op;
  op.ratios = {1};
  op.scales = {1};
  op.min_size = 1;
  op.post_nms_top_n = 3;
  op.with_scores = true;
  return op;
}
const Literal kUnmoved = {{1, 4, 1, 2}, std::vector<float>(8, 0.0f)};
const Literal kImage = {{1, 3}, {100, 20, 1}};

TEST(ProposalTest, GivesTheBestBoxesInsideTheImage) {
  const auto y = evaluate_all(proposal(), {{{1, 2, 1, 2}, {9, 9, 0.5f, 0.75f}}, kUnmoved, kImage});
  EXPECT_THAT(y[0], ElementsAre(0, 16, 0, 19, 16, 0, 0, 0, 16, 16, 0, 0, 0, 0, 0));
  EXPECT_THAT(y[1], ElementsAre(0.75f, 0.5f, 0));
  EXPECT_THAT(y[2], ElementsAre(2));
}

TEST(ProposalTest, DropsSmallAndOverlappingBoxes) {
  Proposal op = proposal();
  op.min_size = 10;  // the second is cut to 4 pixels
  const Literal scores = {{1, 2, 1, 2}, {0, 0, 0.5f, 0.75f}};
  EXPECT_THAT(evaluate_all(op, {scores, kUnmoved, kImage})[2], ElementsAre(1));
  op = proposal();
  op.feat_stride = 1;
  EXPECT_THAT(evaluate_all(op, {scores, kUnmoved, kImage})[2], ElementsAre(1));
}

TEST(ProposalTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal(proposal(), {{1, 4, 1, 2}, {1, 4, 1, 2}, {1, 3}}), HasSubstr("1x2xHxW"));
  EXPECT_THAT(refusal(proposal(), {{1, 2, 1, 2}, {1, 4, 1, 2}, {1, 2}}), HasSubstr("not 1x2x1x2"));
  Proposal op = proposal();
  op.ratios = {};
  EXPECT_THAT(refusal(op, {{1, 2, 1, 2}, {1, 4, 1, 2}, {1, 3}}), HasSubstr("ratios"));
}

}  // namespace
}  // namespace kissa
